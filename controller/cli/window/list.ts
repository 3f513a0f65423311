/** `isthmus window list`: the change windows, and which are open. */
import { ChangeWindow } from '../../../mesh/api/resources/index.ts';
import type { ChangeWindowObject } from '../../../mesh/api/resources/windows.ts';
import { createWindowBook } from '../../../mesh/rollout/windows/book.ts';
import { changeWindowValue } from '../../hub/windows/values.ts';
import type { Environment } from '../environment.ts';
import { listAll } from '../list.ts';
import { type Format, print } from '../output/index.ts';
import { clustersText, nextText, rhythmText, runsText, stateText } from './show.ts';

export async function listWindows(environment: Environment, format: Format): Promise<void> {
  const client = await environment.connect();
  const objects = await listAll<ChangeWindowObject>(client, ChangeWindow, environment.signal);
  const now = environment.now();
  const { states } = createWindowBook(objects.map(changeWindowValue), [], now);
  const row = (state: typeof states[number]): string[] =>
    [state.window.name, state.window.kind, stateText(state), nextText(state, now), clustersText(state.window.clusters), state.problem ?? state.window.reason];
  print(environment, format, {
    headings: ['NAME', 'KIND', 'STATE', 'NEXT', 'CLUSTERS', 'REASON'],
    rows: states.map(row),
    wide: { headings: ['NAME', 'KIND', 'STATE', 'NEXT', 'CLUSTERS', 'RUNS', 'WHEN', 'REASON'], rows: states.map((state) => [...row(state).slice(0, 5), runsText(state.window), rhythmText(state.window), row(state)[5] ?? '']) },
    value: objects,
    names: objects.map(({ metadata }) => `changewindow.isthmus.dev/${metadata.name}`),
    empty: 'There is no change window: changes may begin at any time. A ChangeWindow object makes one.',
  });
}
