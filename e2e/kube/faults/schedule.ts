/** Which faults happen, and when: a pure function of a seed. */
import { seededRandom } from '../../../controller/runtime/testing/fakes.ts';

/** What each kind strikes decides where the proxy looks for its turn. */
export const FAULT_KINDS = [
  // the stream of an open watch
  'reset-mid-event', 'watch-closed', 'gone-in-stream', 'garbage-in-stream', 'stalled-stream', 'dribble',
  // one request and its answer
  'too-many-requests', 'internal-error', 'unavailable', 'gone-answer', 'truncated-list', 'garbage-answer', 'stale-list', 'never-answered', 'answer-lost',
  // connections
  'idle-close', 'refused', 'silent-accept', 'certificate-rotated',
  // the client's clock
  'clock-forward', 'clock-back',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Strikes at the first and then at each n-th opportunity. */
  readonly every: number;
  /** In [0, 1): where to cut, how long to wait, which variant; each kind reads it as it needs. */
  readonly amount: number;
}

export interface Phase {
  readonly faults: readonly Fault[];
  /** At least this long, and until each fault has struck. */
  readonly milliseconds: number;
}

/** Done while a fault waits for its first turn: a cache at rest neither lists nor connects. */
export type Provocation = 'close-watches' | 'expire-watches' | 'reset-connections';
export const PROVOCATIONS: Readonly<Partial<Record<FaultKind, Provocation>>> = {
  'truncated-list': 'expire-watches', 'stale-list': 'expire-watches', 'gone-answer': 'expire-watches', 'garbage-answer': 'expire-watches', 'too-many-requests': 'expire-watches',
  'internal-error': 'close-watches', unavailable: 'close-watches', 'never-answered': 'close-watches', 'idle-close': 'close-watches', 'silent-accept': 'reset-connections',
};

export interface Schedule {
  readonly seed: number;
  /** Seconds on the caches' clock in one real second. */
  readonly clockRate: number;
  /** Whether the server has streaming lists (KEP-3157). */
  readonly streaming: boolean;
  /** Objects in one page of a list, so that a few hundred objects are many pages. */
  readonly pageSize: number;
  readonly phases: readonly Phase[];
}

const PHASES = 6;
export function scheduleOf(seed: number): Schedule {
  const random = seededRandom(Math.imul(seed, 2_654_435_761));
  const below = (bound: number): number => Math.floor(random.uniform() * bound);
  // Seeds in a row walk through shuffled decks of all kinds, so that twenty of them meet each kind often.
  const kinds: FaultKind[] = [...FAULT_KINDS];
  for (let index = kinds.length - 1; index > 0; index--) {
    const other = below(index + 1);
    [kinds[index], kinds[other]] = [kinds[other]!, kinds[index]!];
  }
  const streaming = seed % 2 === 0;
  // A streamed list is of the version that was asked for, or it is none; so the others have a stale one in any case.
  kinds.splice(kinds.indexOf('stale-list'), 1);
  if (!streaming) kinds.splice(kinds.length - below(PHASES), 0, 'stale-list');
  const fault = (kind: FaultKind): Fault => ({ kind, every: 1 + below(3), amount: random.uniform() });
  const phases = Array.from({ length: PHASES }, (): Phase => {
    const faults = [fault(kinds.pop()!)];
    if (random.uniform() < 0.5) faults.push(fault(kinds.pop()!));
    return { faults, milliseconds: 300 + below(500) };
  });
  return { seed, clockRate: [0.8, 1, 1, 3][below(4)]!, streaming, pageSize: [7, 20, 50, 500][below(4)]!, phases };
}

export const describePhase = ({ faults }: Phase): string => faults.map(({ kind, every, amount }) => `${kind} (every ${every}, ${amount.toFixed(2)})`).join(' + ');
