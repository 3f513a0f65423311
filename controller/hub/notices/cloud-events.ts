/** Transitions of runs as CloudEvents 1.0. Pure. */
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { NumberedEntry } from '../../../mesh/ports/records.ts';
import type { CloudEvent } from '../gates/webhook.ts';

const PREFIX = 'dev.isthmus.run.';
/** Of clusters, only what went wrong: a fleet of ten thousand has forty thousand other transitions in a run. */
const USUAL_OF_CLUSTERS = ['Failed', 'RollbackFailed'];

const kebab = (event: string): string => event.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();

/** `dev.isthmus.run.stage-finished`, `dev.isthmus.run.cluster-failed`. */
export function typeOf({ cluster, event }: NumberedEntry): string {
  const name = kebab(event);
  return `${PREFIX}${cluster === '' || name.startsWith('cluster-') ? '' : 'cluster-'}${name}`;
}

/** `types`: exactly these, or all that begin with what precedes a final `*`; undefined: all of runs as a whole, and clusters that failed. */
export function isWanted(entry: NumberedEntry, types: readonly string[] | undefined): boolean {
  if (types === undefined) return entry.cluster === '' || USUAL_OF_CLUSTERS.includes(entry.event);
  const type = typeOf(entry);
  return types.some((wanted) => (wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted));
}

/** The same `id` however often it is sent. */
export function noticeOf(source: string, entry: NumberedEntry, more: { readonly reason?: string; readonly author?: string; readonly changedBy?: readonly string[] }): CloudEvent {
  const { run, at, cluster, event, message, sequence } = entry;
  return {
    specversion: '1.0', id: `${run}/${sequence}`, source, type: typeOf(entry), subject: run, time: toRfc3339(at), datacontenttype: 'application/json',
    data: { run, event, ...(cluster === '' ? {} : { cluster }), message, ...more },
  };
}
