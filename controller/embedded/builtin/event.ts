/** Events of the core group: members that are always there, and rules. */
import type { ServedKind } from '../kinds.ts';
import { isObject, member, type JsonObject } from '../json.ts';
import { checkEventAlways } from './event-rules.ts';

/** Members that Go writes even where they say nothing. */
export const EVENT_ALWAYS: JsonObject = { involvedObject: {}, source: {}, firstTimestamp: null, lastTimestamp: null, eventTime: null, reportingComponent: '', reportingInstance: '' };

export function defaultEvent(event: JsonObject): void {
  fillIn(event, EVENT_ALWAYS);
  const series = event['series'];
  if (isObject(series) && member(series, 'lastObservedTime') === undefined) series['lastObservedTime'] = null;
}

/** In place. */
export function fillIn(event: JsonObject, always: JsonObject): void {
  for (const [key, value] of Object.entries(always)) if (member(event, key) === undefined) event[key] = isObject(value) ? {} : value;
}

export const checkEvent: NonNullable<ServedKind['check']> = (event) => checkEventAlways(event, 'reportingComponent');
