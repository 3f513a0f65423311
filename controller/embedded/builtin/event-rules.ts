/** What events must say (Kubernetes' `pkg/apis/core/validation/events.go`); all of it is about events in the shape of the core group. */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { equal, isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { namespaceOf, qualifiedNameProblems } from '../metadata.ts';
import { invalidValue, required } from '../problems.ts';

const TEXT_BYTES = 128;
const MESSAGE_BYTES = 1024;

const bytes = (text: string): number => new TextEncoder().encode(text).length;
const text = (event: JsonObject, key: string): string => textAt(event, key) ?? '';
/** null: at no time. */
const time = (event: JsonObject, key: string): unknown => member(event, key) ?? null;

/** Through whichever group an event comes. `reporter` is what that group calls the reporting controller. */
export function checkEventAlways(event: JsonObject, reporter: 'reportingComponent' | 'reportingController'): StatusCause[] {
  const about = text(objectAt(event, 'involvedObject'), 'namespace');
  const namespace = namespaceOf(event);
  const elsewhere = [invalidValue('involvedObject.namespace', about, 'does not match event.namespace')];
  // One without `eventTime` is of the old form: it stands beside what it is about, or in `default` where that is an object of the cluster.
  if (time(event, 'eventTime') === null) return (about === '' ? 'default' : about) === namespace ? [] : elsewhere;
  const controller = text(event, 'reportingComponent');
  return [
    ...(about === '' && namespace !== 'default' && namespace !== 'kube-system' ? elsewhere : []),
    ...(controller === '' ? [required(reporter)] : []),
    ...qualifiedNameProblems(controller).map((problem) => invalidValue(reporter, controller, problem)),
    ...['reportingInstance', 'action', 'reason'].flatMap((key) => [
      ...(text(event, key) === '' ? [required(key)] : []),
      ...atMost(event, key, TEXT_BYTES),
    ]),
    ...atMost(event, 'message', MESSAGE_BYTES),
  ];
}

const atMost = (event: JsonObject, key: string, most: number): StatusCause[] =>
  (bytes(text(event, key)) > most ? [invalidValue(key, '', `can have at most ${most} characters`)] : []);

/** Of events that are made through `events.k8s.io`: nothing of the old form. */
export function checkNewEvent(event: JsonObject): StatusCause[] {
  const type = text(event, 'type');
  const source = objectAt(event, 'source');
  const unset: readonly (readonly [field: string, isSet: boolean])[] = [
    ['firstTimestamp', time(event, 'firstTimestamp') !== null], ['lastTimestamp', time(event, 'lastTimestamp') !== null],
    ['count', (member(event, 'count') ?? 0) !== 0], ['source', text(source, 'component') !== '' || text(source, 'host') !== ''],
  ];
  return [
    ...checkSeries(event),
    ...(time(event, 'eventTime') === null ? [required('eventTime')] : []),
    ...(type === 'Normal' || type === 'Warning' ? [] : [invalidValue('type', '', `has invalid value: ${type}`)]),
    ...unset.filter(([, isSet]) => isSet).map(([field]) => invalidValue(field, '', 'needs to be unset')),
  ];
}

function checkSeries(event: JsonObject): StatusCause[] {
  const series = member(event, 'series');
  if (!isObject(series)) return [];
  return [
    ...(Number(member(series, 'count') ?? 0) < 2 ? [invalidValue('series.count', '', 'should be at least 2')] : []),
    ...(time(series, 'lastObservedTime') === null ? [required('series.lastObservedTime')] : []),
  ];
}

/** Of events that are changed through `events.k8s.io`: only the series goes on. */
export function checkEventChange(event: JsonObject, previous: JsonObject): StatusCause[] {
  return [
    ...(equal(member(event, 'series') ?? null, member(previous, 'series') ?? null) ? [] : checkSeries(event)),
    ...FIXED.flatMap(([field, read]) => (equal(read(event), read(previous)) ? [] : [invalidValue(field, read(event), 'field is immutable')])),
  ];
}

/** Named and written as in Go, where absent texts are empty. */
const reference = (value: unknown): JsonObject => {
  const given = isObject(value) ? value : {};
  return { Kind: text(given, 'kind'), Namespace: text(given, 'namespace'), Name: text(given, 'name'), UID: text(given, 'uid'), APIVersion: text(given, 'apiVersion'), ResourceVersion: text(given, 'resourceVersion'), FieldPath: text(given, 'fieldPath') };
};
const source = (event: JsonObject): JsonObject => ({ Component: text(objectAt(event, 'source'), 'component'), Host: text(objectAt(event, 'source'), 'host') });

type Fixed = readonly [field: string, read: (event: JsonObject) => unknown];
const fixedText = (key: string, field = key): Fixed => [field, (event) => text(event, key)];
const fixedTime = (key: string): Fixed => [key, (event) => time(event, key)];

/** In the order of kube-apiserver, which looks at the reason twice. */
const FIXED: readonly Fixed[] = [
  ['involvedObject', (event) => reference(member(event, 'involvedObject'))], fixedText('reason'), fixedText('message'), ['source', source],
  fixedTime('firstTimestamp'), fixedTime('lastTimestamp'), ['count', (event) => member(event, 'count') ?? 0], fixedText('reason'), fixedText('type'), fixedTime('eventTime'), fixedText('action'),
  ['related', (event) => (isObject(member(event, 'related')) ? reference(member(event, 'related')) : null)], fixedText('reportingComponent', 'reportingController'), fixedText('reportingInstance'),
];
