/** Answers what a run changes of its clusters' desired states: clusters to which the same is done are told of together. */
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { ChangeGroup, ChangesAnswer, LookedAtRun } from '../../../mesh/api/resources/inquiry-answers.ts';
import { canonicalJson, type Digest } from '../../../mesh/model/canonical.ts';
import type { DesiredState } from '../../../mesh/model/desired.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import { nearest } from '../../../mesh/model/near.ts';
import type { RunTarget } from '../../../mesh/model/rollout.ts';
import { type StateChange, stateChanges } from '../../../mesh/model/state-change.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { RecordStore } from '../../../mesh/ports/records.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import { createPages } from '../inventory/query-pages.ts';
import { type Scene, stageNamesOf } from './scene.ts';

type Question = NonNullable<InquiryObject['spec']['changes']>;

export interface ChangesParts {
  readonly clock: Clock;
  readonly digest: Digest;
  readonly records: Pick<RecordStore, 'getRevision'>;
  readonly sceneOf: (question: Question, now: Instant) => Promise<Scene>;
}

/** Clusters between two looks at the network. */
const AT_ONCE = 50;
const MOST_NAMED = 100;
const MOST_CHANGES = 500;
const MOST_GROUPS = 2000;
const HIDDEN = 'a secret';

interface Gathered {
  readonly stages: Set<string>;
  readonly rows: RunTarget[];
  readonly changes: readonly StateChange[];
}

/** A secret's digest tells clusters apart that are otherwise treated alike. */
const withoutDigests = (changes: readonly StateChange[]): readonly StateChange[] =>
  changes.map((change) => (change.secret === true ? { ...change, before: change.before === null ? null : HIDDEN, after: change.after === null ? null : HIDDEN } : change));

function groupOf({ stages, rows, changes }: Gathered): ChangeGroup {
  const [first] = rows;
  return {
    stages: [...stages], clusters: rows.slice(0, MOST_NAMED).map(({ cluster }) => cluster), count: rows.length, ...(rows.length === 1 ? { fromId: first!.fromId, toId: first!.toId } : {}),
    changes: changes.slice(0, MOST_CHANGES), changesOmitted: Math.max(0, changes.length - MOST_CHANGES),
  };
}

export function changesAnswers({ clock, digest, records, sceneOf }: ChangesParts): { changes(question: Question, asked: { readonly signal: CancelSignal }): Promise<ChangesAnswer> } {
  const pages = createPages<LookedAtRun, ChangeGroup, ChangeGroup>(clock.now(), (group) => group);

  async function stateOf(scene: Scene, id: string | null): Promise<DesiredState | undefined> {
    const content = id === null ? undefined : (scene.revisions.get(id) ?? await records.getRevision(id))?.content;
    return content === undefined ? undefined : JSON.parse(content) as DesiredState;
  }

  function rowsOf({ value: { targets }, about }: Scene, cluster: string | undefined): readonly RunTarget[] {
    if (cluster === undefined) return targets;
    const row = targets.find((target) => target.cluster === cluster);
    if (row !== undefined) return [row];
    const near = nearest(cluster, targets.map((target) => target.cluster));
    throw new AdvisedError('user', `cluster "${cluster}" is not in the run${about.run === null ? '' : ` ${about.run}`}${near === undefined ? '' : `; did you mean ${near}?`}`);
  }

  async function gathered(question: Question, signal: CancelSignal): Promise<{ readonly about: LookedAtRun; readonly groups: readonly ChangeGroup[] }> {
    const scene = await sceneOf(question, clock.now());
    const names = stageNamesOf(scene);
    const groups = new Map<string, Gathered>();
    let untold = 0;
    for (const [index, row] of rowsOf(scene, question.cluster).entries()) {
      // One that had nothing is compared with what it would go back to.
      const [before, after] = [await stateOf(scene, row.fromId ?? row.backId ?? null), await stateOf(scene, row.toId)];
      const all = stateChanges(before, after, digest);
      const changes = question.cluster === undefined ? withoutDigests(all) : all;
      const key = digest(canonicalJson(changes));
      const group = groups.get(key);
      const stage = names[row.stage] ?? '';
      if (group !== undefined) {
        group.rows.push(row);
        group.stages.add(stage);
      } else if (groups.size < MOST_GROUPS) groups.set(key, { stages: new Set([stage]), rows: [row], changes });
      else untold += 1;
      if (index % AT_ONCE === AT_ONCE - 1) await clock.sleepUntil(clock.now() + 1, signal);
    }
    const notes = [...scene.about.notes, ...(untold === 0 ? [] : [`${untold} more clusters change each in a way of its own: ask for one by its name`])];
    return { about: { ...scene.about, notes }, groups: [...groups.values()].map(groupOf) };
  }

  return {
    async changes(question, { signal }) {
      const { limit = Number.POSITIVE_INFINITY, continue: next } = question;
      const page = next === undefined
        ? await gathered(question, signal).then(({ about, groups }) => pages.first(about, groups, limit, clock.now()))
        : pages.next(next, limit, clock.now());
      return { ...(next === undefined ? { about: page.head } : {}), groups: page.rows, ...(page.next === undefined ? {} : { continue: page.next }) };
    },
  };
}
