/** No stage begins before every cluster of the earlier ones is finished, or away: those get their turn when they are back, beside the stage that is at work by then. */
import type { RunTarget, TargetPhase } from '../../../mesh/model/rollout.ts';
import { seconds } from '../../../mesh/model/instant.ts';
import type { Fleet } from '../hosts.ts';
import type { SavedStep } from '../ports.ts';
import type { Invariant } from './invariant.ts';

interface Begun { readonly step: SavedStep; readonly stage: number; /** Before it, the last that had begun. */ readonly earlier: number; /** Has been there for long, for all that the hub can know. */ readonly isThere: (cluster: string) => boolean }

const NOT_BEGUN: readonly TargetPhase[] = ['Pending', 'Skipped'];
/** A hub and an agent need no longer to find each other. */
const TOGETHER_SECONDS = 30;

const lastBegun = (targets: readonly Pick<RunTarget, 'stage' | 'phase'>[]): number =>
  Math.max(-1, ...targets.filter(({ phase }) => !NOT_BEGUN.includes(phase)).map(({ stage }) => stage));

function isThere(fleet: Fleet, cluster: string): boolean {
  const since = fleet.calmSince('hub', cluster);
  return since !== undefined && fleet.clock.now() - since > seconds(TOGETHER_SECONDS);
}

export function stageOrder(): Invariant<readonly Begun[]> {
  let looked = 0;
  const begun = new Map<string, number>();
  return {
    name: 'stage order',
    capture(fleet) {
      const found: Begun[] = [];
      for (const step of fleet.steps.slice(looked)) {
        const [before, now] = [begun.get(step.run) ?? -1, lastBegun(step.targets)];
        begun.set(step.run, Math.max(before, now));
        if (now > before && before >= 0) found.push({ step, stage: now, earlier: before, isThere: (cluster) => isThere(fleet, cluster) });
        if (now > before && before < 0 && now > 0) found.push({ step, stage: now, earlier: 0, isThere: (cluster) => isThere(fleet, cluster) });
      }
      looked = fleet.steps.length;
      return found;
    },
    assert(all) {
      for (const { step: { run, targets }, stage, earlier, isThere: there } of all) {
        const open = targets.find((target) => target.stage >= earlier && target.stage < stage
          && (target.phase === 'Assigned' || target.phase === 'Soaking' || (target.phase === 'Pending' && there(target.cluster))));
        if (open !== undefined) return `${run}: stage ${stage} begins while ${open.cluster} of stage ${open.stage} is ${open.phase}`;
      }
      return undefined;
    },
    print: (all) => all.map(({ step: { run, targets } }) => `${run}: ${targets.map(({ cluster, stage, phase }) => `${cluster} (stage ${stage}) ${phase}`).join(', ')}`).join('\n'),
  };
}
