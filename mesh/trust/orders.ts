/** What people ask of the authority, against what it is: what is still to be done. */

export interface AuthoritySpec {
  readonly rotation?: { readonly id: string; readonly of: 'Issuing' | 'Root'; readonly reason: string } | undefined;
  readonly rollBack?: { readonly id: string } | undefined;
  readonly tainted?: readonly { readonly of: 'Issuing' | 'Root'; readonly generation: number }[] | undefined;
  /** PEM. */
  readonly issuingCertificates?: readonly string[] | undefined;
}

/** Of the authority, as far as orders depend on it. */
export interface ObeyingState {
  readonly roots: readonly Generation[];
  readonly issuers: readonly Generation[];
  /** Present: an issuing CA waits for a signature. */
  readonly request?: object;
  readonly rotation?: { readonly id: string; readonly back?: true };
  readonly finished?: { readonly id: string };
}

interface Generation {
  readonly generation: number;
  readonly taintedAt?: number;
}

export type AuthorityOrder =
  | { readonly do: 'taint'; readonly of: 'Issuing' | 'Root'; readonly generation: number }
  | { readonly do: 'install'; readonly certificatePem: string }
  | { readonly do: 'begin'; readonly id: string; readonly of: 'Issuing' | 'Root'; readonly reason: string }
  | { readonly do: 'rollBack'; readonly id: string };

/**
 * Total. In the order in which to do them: what is tainted signs no more before anything else is made. What was obeyed already is not in it, and what can never be done is:
 * the authority refuses it, in words for people. Each one done may bring another: ask again. An id that is not that of the rotation that runs asks for no way back.
 */
export function ordersOf({ rotation, rollBack, tainted = [], issuingCertificates = [] }: AuthoritySpec, state: ObeyingState): AuthorityOrder[] {
  const { rotation: running, finished } = state;
  return [
    ...tainted.filter(({ of, generation }) => !isOver(of === 'Root' ? state.roots : state.issuers, generation)).map(({ of, generation }) => ({ do: 'taint' as const, of, generation })),
    ...(state.request === undefined ? [] : issuingCertificates.map((certificatePem) => ({ do: 'install' as const, certificatePem }))),
    ...(rotation === undefined || rotation.id === running?.id || rotation.id === finished?.id ? [] : [{ do: 'begin' as const, id: rotation.id, of: rotation.of, reason: rotation.reason }]),
    ...(rollBack === undefined || rollBack.id !== running?.id || running.back === true ? [] : [{ do: 'rollBack' as const, id: rollBack.id }]),
  ];
}

/** Tainted already, or dropped since. */
function isOver(list: readonly Generation[], generation: number): boolean {
  const meant = list.find((one) => one.generation === generation);
  return meant === undefined ? list.some((one) => one.generation > generation) : meant.taintedAt !== undefined;
}
