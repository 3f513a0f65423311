import { expect, test } from 'vitest';
import { ConfigMap } from '../../mesh/api/resources/core.ts';
import type { KubernetesClient } from '../../mesh/ports/kubernetes.ts';
import type { RecordStore } from '../../mesh/ports/records.ts';
import { fenced } from './fence.ts';
import type { HubPorts } from './ports.ts';

const never = new AbortController().signal;

/** Every method answers with its own name and leaves it in `asked`. */
function recorder(methods: readonly string[], asked: string[]): Record<string, () => Promise<string>> {
  return Object.fromEntries(methods.map((name) => [name, () => { asked.push(name); return Promise.resolve(name); }]));
}

test('once leadership is over nothing is written, and everything can still be read', async () => {
  const asked: string[] = [];
  const kubernetes = recorder(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'], asked) as unknown as KubernetesClient;
  const records = recorder(['recordChange', 'compactHistory', 'listStates', 'statesAt', 'listHistory', 'namesOf', 'listGone', 'historyKeptSince', 'putRevisions', 'getRevision', 'putBundle', 'getBundle', 'createRun', 'dropRun', 'dropRevisions', 'dropSummaries', 'countBundles', 'dropBundles', 'dropReports', 'getRun', 'listTargets', 'saveProgress', 'lastHealthyOn', 'listJournal', 'listAssignments', 'putReport', 'getReport', 'check', 'close'], asked) as unknown as RecordStore;
  let holds = true;
  const ports = fenced({ kubernetes, records } as HubPorts, () => holds);
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'n', name: 'a' } };
  const by = { fieldManager: 'm' };
  const writes = (): Promise<unknown>[] => [
    ports.kubernetes.create(ConfigMap, object, by, never), ports.kubernetes.update(ConfigMap, object, by, never),
    ports.kubernetes.patch(ConfigMap, object.metadata, {}, { ...by, type: 'apply' }, never), ports.kubernetes.delete(ConfigMap, object.metadata, {}, never),
    ports.records.recordChange({} as Parameters<RecordStore['recordChange']>[0]), ports.records.compactHistory({ rowsBefore: 0, statesBefore: 0 }), ports.records.putRevisions([]), ports.records.putBundle({ digest: 'd', content: '', signatures: [], verifiedAt: 0 }), ports.records.createRun('r', {} as Parameters<RecordStore['createRun']>[1]),
    ports.records.saveProgress({} as Parameters<RecordStore['saveProgress']>[0]), ports.records.putReport('r', ''), ports.records.dropRun(0, () => Promise.resolve(new Set())), ports.records.dropRevisions(''),
    ports.records.dropSummaries(0, () => Promise.resolve(new Set())), ports.records.dropBundles('', 0, new Set()), ports.records.dropReports('drill/', '', { at: 0, unneededBefore: 0, keep: () => Promise.resolve(new Set()) }),
  ];
  await Promise.all(writes());
  expect(asked).toHaveLength(16);
  holds = false;
  const refused = await Promise.allSettled(writes());
  expect(refused.map(({ status }) => status)).toEqual(Array.from({ length: 16 }, () => 'rejected'));
  for (const one of refused) expect(String((one as PromiseRejectedResult).reason)).toContain('no longer leads');
  expect(asked).toHaveLength(16);
  await ports.kubernetes.get(ConfigMap, object.metadata, never);
  await ports.records.listAssignments();
  await ports.records.check();
  expect(asked.slice(16)).toEqual(['get', 'listAssignments', 'check']);
});
