/** Carries out revocations in this cluster: at once what cuts a peer off, and with the update run that leaves it out the replacement of the pods that it may still have watches at. */
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { namesPeer, strippedOf, usersIn } from '../../../mesh/cilium/revoked.ts';
import type { ManagedObject } from '../../../mesh/model/managed.ts';
import { MAX_REVOCATIONS, type RevocationEffect } from '../../../mesh/model/revocation.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import { replacePods, REVOKED_ANNOTATION } from './replace-pods.ts';

/** Apart from what we write as a state asks for it: this goes over other people's changes. */
export const REVOKING_FIELD_MANAGER = 'isthmus-agent-revocation';
const LOOK_AGAIN_MILLISECONDS = 2000;
const TURNS_MILLISECONDS = 5 * 60_000;

export interface Scene {
  /** Peers of the assigned state; null: no state with a mesh is assigned. */
  readonly assigned: readonly string[] | null;
  /** Managed objects as they stand, none that is not there. */
  readonly objects: readonly Pick<ManagedObject, 'kind' | 'name' | 'data'>[];
}

export interface Revoked {
  /** Before anything is written: who has a user here, so that it is known of whom there may be watches. */
  admit(scene: Scene): void;
  /** What must go from an object that is not ours to write; empty: nothing. */
  strippedOf(object: Pick<ManagedObject, 'kind' | 'data'>, otherwise: string): Readonly<Record<string, string | null>>;
  /** After it. What is still to come, for people; and when to look again. */
  carryOut(scene: Scene, signal: CancelSignal): Promise<{ readonly message: string; readonly again?: number }>;
  /** Sorted by cluster. */
  effects(): readonly RevocationEffect[];
}

export function createRevoked({ ports, namespace, cluster, state }: { readonly ports: Pick<AgentPorts, 'kubernetes' | 'clock' | 'digest' | 'log'>; readonly namespace: string; readonly cluster: string; readonly state: AgentState }): Revoked {
  const { clock, digest, kubernetes, log } = ports;
  const cutOff = (): readonly string[] => state.list('Revocation').filter(({ rejoined }) => !rejoined).map((revocation) => revocation.cluster);

  /** Who had left the mesh before: no run comes for that, so clusters take turns by a time of their own. By cluster. */
  const leftEarlier = new Map<string, { readonly at: number; readonly until: number }>();
  const turnOf = (name: string, at: number): number => at + Number.parseInt(digest(`${cluster} ${name} ${at}`).slice(0, 8), 16) % TURNS_MILLISECONDS;

  function admit({ assigned, objects }: Scene): void {
    const standing = objects.filter(({ kind }) => kind === 'ConfigMap').flatMap(usersIn);
    // Of a state that leaves it out and is taken into use with the revocation in one go, the one before still knew it.
    const names = [...standing, ...assigned ?? []].filter((name) => name !== cluster);
    if (names.every((name) => state.revoked.admitted.includes(name))) return;
    state.setRevoked({ ...state.revoked, admitted: [...new Set([...state.revoked.admitted, ...names])].slice(-MAX_REVOCATIONS).sort() });
  }

  const finished = ({ stranger, podsReplacedAt }: RevocationEffect): boolean => stranger || podsReplacedAt !== null;

  async function carryOut({ assigned, objects }: Scene, signal: CancelSignal): Promise<{ readonly message: string; readonly again?: number }> {
    const now = clock.now();
    const before = new Map(state.revoked.effects.map((effect) => [effect.cluster, effect]));
    const effects = state.list('Revocation').filter(({ rejoined }) => !rejoined).map(({ cluster: name, at }): RevocationEffect => {
      const known = before.get(name);
      const effect = known?.at === at ? known : { cluster: name, at, stranger: !state.revoked.admitted.includes(name), userRemovedAt: null, podsReplacedAt: null, problem: '' };
      const gone = !objects.some((object) => namesPeer(object, name));
      if (gone && !effect.stranger && effect.userRemovedAt === null) log.info({ peer: name }, 'removed the user and the keys of a cluster that was revoked');
      return gone && !effect.stranger && effect.userRemovedAt === null ? { ...effect, userRemovedAt: now } : effect;
    });
    // Not before a run has brought a state without it: that is what goes cluster by cluster.
    const gone = effects.filter((effect) => !finished(effect) && assigned?.includes(effect.cluster) !== true);
    const left = gone.filter((effect) => effect.userRemovedAt !== null);
    for (const { cluster: name, at } of gone) if (before.get(name)?.at !== at) leftEarlier.set(name, { at, until: turnOf(name, at) });
    const waiting = left.filter(({ cluster: name, at }) => { const turn = leftEarlier.get(name); return turn?.at === at && now < turn.until; });
    const due = left.filter((effect) => !waiting.includes(effect));
    save(effects, []);
    if (due.length === 0) return { message: '', ...(waiting.length === 0 ? {} : { again: Math.min(...waiting.map(({ cluster: name, at }) => turnOf(name, at))) }) };
    const set = effects.filter(({ stranger }) => !stranger).map(({ cluster: name, at }) => [name, at]);
    const outcome = await replacePods(kubernetes, { namespace, annotations: { [REVOKED_ANNOTATION]: digest(canonicalJson(set)).slice(0, 16) } }, signal);
    const done = outcome.state === 'replaced' || outcome.state === 'absent';
    const names = due.map((effect) => effect.cluster);
    const problem = outcome.state === 'refused' ? outcome.message : '';
    save(effects.map((effect) => (names.includes(effect.cluster) ? { ...effect, problem, podsReplacedAt: done ? clock.now() : null } : effect)), done ? names : []);
    if (!done) return { message: outcome.message, again: clock.now() + LOOK_AGAIN_MILLISECONDS };
    log.info({ peers: names, deployment: outcome.state }, 'no watch of revoked clusters is open here');
    return { message: '' };
  }

  function save(effects: readonly RevocationEffect[], without: readonly string[]): void {
    const next = { admitted: state.revoked.admitted.filter((name) => !without.includes(name)), effects };
    if (canonicalJson(next) !== canonicalJson(state.revoked)) state.setRevoked(next);
  }

  return {
    admit, carryOut,
    strippedOf: (object, otherwise) => strippedOf(object, cutOff(), otherwise),
    effects: () => state.revoked.effects,
  };
}
