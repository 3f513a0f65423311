/** Keeps the document: loads it, changes it by one conditional write, and tells who listens. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Step } from '../policy/rotation.ts';
import type { LoadedIssuer } from './chain.ts';
import { describe } from './describe.ts';
import { type AuthorityDocument, AuthorityRefusal, type KeyStore } from './document.ts';
import { type Maintained, maintain, newDocument, type Workshop } from './maintain.ts';
import type { AuthorityState } from './state.ts';
import { parseDocument } from './stored.ts';

const SAVE_ATTEMPTS = 5;

/** A change of the document that a person or a rotation asks for. */
export type Change = (document: AuthorityDocument, now: Instant) => Step;

interface Held {
  readonly document: AuthorityDocument;
  /** Why the root's key could not be used. */
  readonly failure: string | undefined;
  /** By generation, as they are needed. */
  readonly issuers: Map<number, LoadedIssuer>;
}

export interface Keeper {
  /** One at a time in this process, and tried again where another hub was faster. Resolves with when to look again. */
  write(change: Change | undefined, signal: CancelSignal): Promise<Instant>;
  /** Throws before the first `write` has ended. */
  opened(): Held;
  state(): AuthorityState;
  onChange(listener: (state: AuthorityState) => void): () => void;
}

export function createKeeper({ keys, clock, log }: { readonly keys: KeyStore; readonly clock: Clock; readonly log: Log }, workshop: Workshop): Keeper {
  const listeners = new Set<(state: AuthorityState) => void>();
  let held: Held | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  function write(change: Change | undefined, signal: CancelSignal): Promise<Instant> {
    const turn = queue.then(() => attempt(change, signal));
    queue = turn.catch(() => undefined);
    return turn;
  }

  async function attempt(change: Change | undefined, signal: CancelSignal): Promise<Instant> {
    for (let count = 0; count < SAVE_ATTEMPTS; count++) {
      const stored = await keys.load(signal);
      const now = clock.now();
      const before = stored === undefined ? undefined : parseDocument(stored.content, workshop.trustDomain, now);
      // Deleted under a running hub: what everybody believes is put back; a new one would lock the fleet out.
      if (before === undefined && held !== undefined) log.error({}, 'the certificate authority\'s document was deleted; it is stored again as it was');
      const changed = applied(before ?? held?.document ?? newDocument(workshop, await keys.firstSequence?.(signal) ?? 1, now), change, now);
      const maintained = await maintain(changed, workshop, now, signal);
      if (maintained.document !== before) {
        if (!await keys.save(JSON.stringify(maintained.document), stored?.version, signal)) continue;
        report(before ?? held?.document, maintained);
      }
      hold(maintained);
      return maintained.nextAt;
    }
    throw new Error(`certificate authority: ${SAVE_ATTEMPTS} attempts to store it met another writer; it is tried again`);
  }

  function applied(document: AuthorityDocument, change: Change | undefined, now: Instant): AuthorityDocument {
    const step = change?.(document, now) ?? { document };
    if ('refusal' in step) throw new AuthorityRefusal(step.refusal);
    return step.document;
  }

  function report(before: AuthorityDocument | undefined, { document }: Maintained): void {
    const { issuers, roots, sequence, rotation, request } = document;
    const facts = { issuers: issuers.length, roots: roots.length, sequence, ...(rotation === undefined ? {} : { rotation: rotation.id, phase: rotation.phase }) };
    if (before === undefined) log.info(facts, 'made a certificate authority');
    else if (issuers.at(-1)?.certificatePem !== before.issuers.at(-1)?.certificatePem) log.info(facts, 'renewed the issuing certificate authority');
    else log.info(facts, 'changed the certificate authority');
    if (request !== undefined && before?.request === undefined) log.warn({ root: request.root }, 'an issuing certificate authority waits for the signature of an offline root');
  }

  function hold({ document, failure }: Maintained): void {
    const same = held !== undefined && JSON.stringify(held.document) === JSON.stringify(document) && held.failure === failure;
    if (failure !== undefined && failure !== held?.failure) log.error({ problem: failure }, 'the root\'s key cannot be used');
    if (same) return;
    held = { document, failure, issuers: new Map() };
    for (const listener of listeners) listener(state());
  }

  const opened = (): Held => {
    if (held === undefined) throw new Error('certificate authority: used before open() finished');
    return held;
  };
  const state = (): AuthorityState => describe(opened().document, workshop, opened().failure, clock.now());

  return {
    write, opened, state,
    onChange(listener) {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
  };
}
