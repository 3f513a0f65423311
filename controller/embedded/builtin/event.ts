/** Events: members that are always there, and the namespace of what they are about. */
import type { ServedKind } from '../kinds.ts';
import { member, objectAt, textAt, type JsonObject } from '../json.ts';
import { namespaceOf } from '../metadata.ts';
import { invalidValue } from '../problems.ts';

/** As Go writes the type: these members are never left out. */
export function defaultEvent(event: JsonObject): void {
  if (member(event, 'source') === undefined) event['source'] = {};
  for (const key of ['firstTimestamp', 'lastTimestamp', 'eventTime']) if (member(event, key) === undefined) event[key] = null;
  for (const key of ['reportingComponent', 'reportingInstance']) if (member(event, key) === undefined) event[key] = '';
}

/** An event stands beside what it is about; one about an object of the cluster stands in `default`. */
export const checkEvent: NonNullable<ServedKind['check']> = (event) => {
  const about = textAt(objectAt(event, 'involvedObject'), 'namespace') ?? '';
  const namespace = namespaceOf(event);
  return (about === '' ? 'default' : about) === namespace ? [] : [invalidValue('involvedObject.namespace', about, 'does not match event.namespace')];
};
