/** Runs that bring a bundle, or take a package away. */
import type { DesiredState } from '../../../mesh/model/desired.ts';
import { revisionOf } from '../../../mesh/model/revision.ts';
import { type ClusterSelector, isEmptySelector, matchesSelector, selectorProblem } from '../../../mesh/model/selector.ts';
import { withBundle, withoutPackage } from '../../../mesh/bundle/compose.ts';
import { type Hindrance, type IntentWorld, type Meaning, NOTHING_SELECTED, type RunSpec, stateNow } from './intent-world.ts';
import { namesOf } from './names-of.ts';

interface Selected { readonly clusters: ClusterSelector; readonly all?: boolean }

const nothingSelected = (selector: ClusterSelector, field: string, waiting: readonly string[]): string => `${NOTHING_SELECTED}no cluster that has joined matches ${field} ${JSON.stringify(selector)}${
  waiting.length === 0 ? '' : ` (not joined yet: ${namesOf(waiting)})`}; "kubectl get clusters.isthmus.dev --show-labels" shows names and labels; make another run that selects one of them`;

/** Nobody means the whole fleet by leaving something out. */
function allProblem(field: string, { clusters, all = false }: Selected): string | undefined {
  if (all === isEmptySelector(clusters)) return undefined;
  return all ? `${field}.all is true, and ${field}.clusters selects some: give one of them` : `${field}.clusters is empty and would select every cluster of the fleet: say which, or ${field}.all: true if all of them are meant`;
}

function meaning(world: IntentWorld, given: Selected, of: string, needs: (state: DesiredState) => boolean, change: (state: DesiredState) => DesiredState, message: string): Meaning | Hindrance {
  const { clusters: selector } = given;
  const field = `${of}.clusters`;
  const wrong = selectorProblem(selector);
  if (wrong !== undefined) return { final: true, problem: `nothing is changed: ${field}: ${wrong}; make another run` };
  const unsaid = allProblem(of, given);
  if (unsaid !== undefined) return { final: true, problem: `nothing is changed: ${unsaid}; make another run` };
  const selected = world.views().filter((view) => matchesSelector(selector, view));
  const clusters = selected.filter(({ joined }) => joined).map(({ name }) => name).sort();
  if (clusters.length === 0) return { final: true, problem: nothingSelected(selector, field, selected.map(({ name }) => name).sort()) };
  return {
    changes: 'Bundles', undoOf: null, clusters,
    async contents() {
      const brought = [];
      for (const cluster of clusters) {
        const state = await stateNow(world, cluster);
        if (state !== undefined && needs(state)) brought.push({ to: revisionOf(change(state), world.digest) });
      }
      return { changes: brought, message: brought.length > 0 ? message : `${message}: every selected cluster is so already` };
    },
  };
}

export async function intentOfBundle({ name, digest, ...given }: NonNullable<RunSpec['bundle']>, world: IntentWorld): Promise<Meaning | Hindrance> {
  const answer = await world.bundles.resolve(name, digest);
  if ('problem' in answer) return { final: false, problem: `waits for Bundle ${name}: ${answer.problem}` };
  const { reference } = answer;
  const has = ({ bundles = [] }: DesiredState): boolean => bundles.some((bundle) => bundle.package === reference.package && bundle.version === reference.version && bundle.digest === reference.digest);
  return meaning(world, given as Selected, 'spec.bundle', (state) => !has(state), (state) => withBundle(state, reference), `brings ${reference.package} ${reference.version}, ${reference.digest}`);
}

export const intentOfRemoval = ({ name, ...given }: NonNullable<RunSpec['removePackage']>, world: IntentWorld): Promise<Meaning | Hindrance> => Promise.resolve(
  meaning(world, given as Selected, 'spec.removePackage', ({ bundles = [] }) => bundles.some((bundle) => bundle.package === name), (state) => withoutPackage(state, name), `takes package ${name} away`));
