/** An AccessPolicy's conditions. */
import type { ConditionUpdate } from '../model/condition.ts';
import { listed } from '../model/listed.ts';
import type { AccessConflict, AccessConflictReason } from './compile.ts';

/** `Assigned`: its agent does not say yet that everything of that state is in place. `Leaving`: still held, and no longer asked for. */
export type HolderState = 'InForce' | 'Assigned' | 'Pending' | 'Leaving';

const NAMED = 5;
const LONGEST = 32_000;
/** The rest is compiled all the same, and worth knowing. */
const REFUSALS: readonly AccessConflictReason[] = ['InvalidSpec', 'InvalidSelector', 'NoDestination', 'TooMuch'];

export function accessStatus(conflicts: readonly AccessConflict[], holders: readonly { readonly name: string; readonly state: HolderState }[], observedGeneration: number): { readonly conditions: readonly ConditionUpdate[] } {
  const refusal = conflicts.find(({ reason }) => REFUSALS.includes(reason));
  const sentences = conflicts.map(({ message }) => message).join('; ').slice(0, LONGEST);
  const wanted = holders.filter(({ state }) => state !== 'Leaving');
  const compiled: ConditionUpdate = refusal === undefined
    ? { type: 'Compiled', status: 'True', reason: conflicts[0]?.reason ?? 'Compiled', message: conflicts.length === 0 ? `for ${wanted.length} ${wanted.length === 1 ? 'cluster' : 'clusters'}` : sentences, observedGeneration }
    : { type: 'Compiled', status: 'False', reason: refusal.reason, message: sentences, observedGeneration };
  const of = (state: HolderState): readonly string[] => holders.filter((one) => one.state === state).map(({ name }) => name);
  const parts = [
    of('Pending').length === 0 ? '' : `waits for a run: ${listed(of('Pending'), NAMED)}`, of('Assigned').length === 0 ? '' : `not in place yet: ${listed(of('Assigned'), NAMED)}`,
    of('Leaving').length === 0 ? '' : `still to be taken away: ${listed(of('Leaving'), NAMED)}`,
  ].filter((part) => part !== '');
  const rolledOut: ConditionUpdate = parts.length === 0
    ? { type: 'RolledOut', status: 'True', reason: 'RolledOut', message: `in force in ${wanted.length} ${wanted.length === 1 ? 'cluster' : 'clusters'}`, observedGeneration }
    : { type: 'RolledOut', status: 'False', reason: of('Pending').length + of('Leaving').length > 0 ? 'Pending' : 'NotInPlace', message: parts.join('; '), observedGeneration };
  return { conditions: [compiled, rolledOut] };
}
