/** Why a hub is not ready: each reason in a sentence, for as long as it holds. */
export interface Readiness {
  /** It holds from now on, or no longer. */
  add(reason: string): void;
  end(reason: string): void;
  /** In place of all others. */
  only(...reasons: readonly string[]): void;
  /** For something that has one reason at a time: each call replaces what the last one said; undefined: it is well. */
  about(): (problem: string | undefined) => void;
  current(): { readonly ok: boolean; readonly reasons: readonly string[] };
}

export function createReadiness(first: string): Readiness {
  const reasons = new Set([first]);
  return {
    add: (reason) => { reasons.add(reason); },
    end: (reason) => { reasons.delete(reason); },
    only(...others) {
      reasons.clear();
      for (const reason of others) reasons.add(reason);
    },
    about() {
      let said: string | undefined;
      return (problem) => {
        if (said !== undefined) reasons.delete(said);
        if (problem !== undefined) reasons.add(problem);
        said = problem;
      };
    },
    current: () => ({ ok: reasons.size === 0, reasons: [...reasons] }),
  };
}
