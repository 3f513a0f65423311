/** `events.k8s.io/v1`: the events of the core group, under other names and stricter rules (Kubernetes' `pkg/apis/events/v1/conversion.go`). */
import { isObject, member, type JsonObject } from '../json.ts';
import { METADATA_FIELDS, type ServedKind, type TableColumn } from '../kinds.ts';
import { EVENT_ALWAYS, fillIn } from './event.ts';
import { checkEventAlways, checkEventChange, checkNewEvent } from './event-rules.ts';
import type { Given } from './given.ts';

/** Names in `events.k8s.io`, and in the core group. */
const NAMES: readonly (readonly [shown: string, kept: string])[] = [
  ['eventTime', 'eventTime'], ['series', 'series'], ['reportingController', 'reportingComponent'], ['reportingInstance', 'reportingInstance'], ['action', 'action'], ['reason', 'reason'],
  ['regarding', 'involvedObject'], ['related', 'related'], ['note', 'message'], ['type', 'type'],
  ['deprecatedSource', 'source'], ['deprecatedFirstTimestamp', 'firstTimestamp'], ['deprecatedLastTimestamp', 'lastTimestamp'], ['deprecatedCount', 'count'],
];
/** As `EVENT_ALWAYS` of the core group. */
const SHOWN_ALWAYS: JsonObject = { eventTime: null, regarding: {}, deprecatedSource: {}, deprecatedFirstTimestamp: null, deprecatedLastTimestamp: null };

const saysNothing = (value: unknown): boolean => value === undefined || value === null || value === '' || value === 0;

function renamed(event: JsonObject, apiVersion: string, always: JsonObject, names: readonly (readonly [from: string, to: string])[]): JsonObject {
  const result: JsonObject = { kind: 'Event', apiVersion, metadata: event['metadata'], ...always };
  for (const [from, to] of names) {
    const value = member(event, from);
    if (!saysNothing(value)) result[to] = value;
  }
  return result;
}

function show(kept: JsonObject): JsonObject {
  const shown = renamed(kept, 'events.k8s.io/v1', SHOWN_ALWAYS, NAMES.map(([name, core]) => [core, name]));
  if (isObject(shown['series'])) shown['series'] = { count: 0, lastObservedTime: null, ...shown['series'] };
  return shown;
}

function keep(shown: JsonObject): JsonObject {
  const kept = renamed(shown, 'v1', EVENT_ALWAYS, NAMES);
  const series = kept['series'];
  if (isObject(series)) kept['series'] = { ...(saysNothing(series['count']) ? {} : { count: series['count'] }), lastObservedTime: series['lastObservedTime'] ?? null };
  return kept;
}

function defaultEvent(event: JsonObject): void {
  fillIn(event, SHOWN_ALWAYS);
  const series = event['series'];
  if (isObject(series)) event['series'] = { count: 0, lastObservedTime: null, ...series };
}

/** What can be selected by: the core group's fields under these names. */
function fieldsOf(core: ServedKind['fields']): ServedKind['fields'] {
  const about = Object.entries(core).filter(([name]) => name.startsWith('involvedObject.')).map(([name, read]) => [name.replace('involvedObject', 'regarding'), read] as const);
  const named = (name: string): ServedKind['fields'][string] => core[name] as ServedKind['fields'][string];
  return { ...METADATA_FIELDS, ...Object.fromEntries(about), reason: named('reason'), type: named('type'), reportingController: named('reportingComponent') };
}

const columnOf = (column: TableColumn): TableColumn => ({ ...column, read: (event, now) => column.read(keep(event), now) });

/** `core`: what the events are kept as. */
export const eventView = (core: ServedKind): Given => ({
  kind: 'Event', plural: 'events', group: 'events.k8s.io', shortNames: core.shortNames, schemaName: 'io.k8s.api.events.v1.Event', createsOnUpdate: true, checksRequired: true,
  nullable: ['eventTime', 'deprecatedFirstTimestamp', 'deprecatedLastTimestamp', 'series.lastObservedTime'], blank: SHOWN_ALWAYS,
  columns: core.columns.map(columnOf), fields: fieldsOf(core.fields), defaults: defaultEvent, keptAs: { kind: core, show, keep },
  check(shown, previous) {
    const event = keep(shown);
    return [...checkEventAlways(event, 'reportingController'), ...(previous === undefined ? checkNewEvent(event) : checkEventChange(event, keep(previous)))];
  },
});
