/** What runs would do, asked of the hub: nothing of it is written anywhere. */
import type { ChangeWindowObject, WindowOverrideObject } from '../../../mesh/api/resources/windows.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { Cache } from '../../runtime/cache.ts';
import type { Answers } from '../inquiry/answers.ts';
import { createRolloutWorld, type RolloutWorldParts } from '../rollout/world.ts';
import { runFacts } from '../windows/run-facts.ts';
import { changeWindowValue, keptValues, windowOverrideValue } from '../windows/values.ts';
import { changesAnswers } from './changes.ts';
import { createScenes } from './scene.ts';
import { simulationAnswers } from './simulation.ts';

export interface ForesightParts extends RolloutWorldParts {
  readonly ports: { readonly clock: Clock; readonly records: RecordStore };
  readonly windows: Pick<Cache<ChangeWindowObject>, 'list'>;
  readonly overrides: Pick<Cache<WindowOverrideObject>, 'list'>;
  /** Of a Bundle; undefined: there is none of that name. */
  readonly packageOf: (bundle: string) => string | undefined;
}

export function foresightAnswers(parts: ForesightParts): Pick<Answers, 'simulate' | 'changes'> {
  const { ports: { clock, records }, runs, packageOf, windows, overrides, sources: { digest } } = parts;
  const around = createRolloutWorld(parts);
  const sceneOf = createScenes({ records, runs, around, packageOf, factsOf: runFacts((name) => runs.get({ name }), packageOf) });
  const [windowValues, overrideValues] = [keptValues(changeWindowValue), keptValues(windowOverrideValue)];
  return {
    ...simulationAnswers({ clock, sceneOf, around, windows: () => windowValues(windows.list()), overrides: () => overrideValues(overrides.list()) }),
    ...changesAnswers({ clock, digest, records, sceneOf }),
  };
}
