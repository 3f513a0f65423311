/** Lets nothing be written by a process whose leadership is over, whatever is still running in it. */
import { type KubernetesClient, KubernetesUnreachable } from '../../mesh/ports/kubernetes.ts';
import { type RecordStore, RecordsUnavailable } from '../../mesh/ports/records.ts';
import type { HubPorts } from './ports.ts';

const OVER = 'not written: this hub no longer leads, another one does';

/** The same ports; `holds` is asked right before each write. */
export function fenced(ports: HubPorts, holds: () => boolean): HubPorts {
  const { kubernetes, records } = ports;
  const request = <A extends readonly unknown[], R>(write: (...call: A) => Promise<R>) => (...call: A): Promise<R> =>
    (holds() ? write(...call) : Promise.reject(new KubernetesUnreachable(OVER)));
  const record = <A extends readonly unknown[], R>(write: (...call: A) => Promise<R>) => (...call: A): Promise<R> =>
    (holds() ? write(...call) : Promise.reject(new RecordsUnavailable('retry', OVER)));
  return {
    ...ports,
    kubernetes: {
      ...kubernetes,
      create: request(kubernetes.create), update: request(kubernetes.update), patch: request(kubernetes.patch), delete: request(kubernetes.delete),
    } as KubernetesClient,
    records: {
      ...records,
      recordChange: record(records.recordChange), compactHistory: record(records.compactHistory), putRevisions: record(records.putRevisions), putBundle: record(records.putBundle), createRun: record(records.createRun),
      dropRun: record(records.dropRun), dropRevisions: record(records.dropRevisions), dropSummaries: record(records.dropSummaries), dropBundles: record(records.dropBundles), dropReports: record(records.dropReports),
      saveProgress: record(records.saveProgress), putReport: record(records.putReport),
    } satisfies RecordStore,
  };
}
