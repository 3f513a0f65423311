/** A cluster as a flat map of fields: what history rows are differences of, and what a past moment is told by. */
import { canonicalJson } from './canonical.ts';
import type { ClusterStatusValue, StatusCondition, StatusProperty } from './cluster-status.ts';

/**
 * From field name to canonical JSON: `labels.<key>`, `spec.properties.<name>`, `spec.<member>`, `object` (`{createdAt, uid}` of the Cluster object),
 * `properties.<name>` (`{value, source, observedAt}`), `conditions.<Type>` (`{status, reason, lastTransitionTime}`), `cilium.<key>`, `capabilities.<name>`,
 * `resources.<name>`, `observedAt.<field>`; any other member of the status by its name, whole.
 */
export type ClusterFields = Readonly<Record<string, string>>;

/** What `fieldsOf` reads of a Cluster object. */
export interface ClusterLike {
  readonly metadata: { readonly name: string; readonly uid?: string | undefined; readonly creationTimestamp?: string | undefined; readonly labels?: Readonly<Record<string, string>> | undefined };
  readonly spec?: Readonly<Record<string, unknown>> | undefined;
  readonly status?: unknown;
}

/** Members of the status that are a field per key. */
const MAPS = ['cilium', 'capabilities', 'resources', 'observedAt'] as const;

/** Tells of the hub's own loop, which writes it; it is no property of the cluster. */
const OWN_CONDITION = 'Reconciled';

/** Databases hold no other text. Values are JSON, which escapes. */
const isName = (field: string): boolean => !field.includes('\0') && !/\p{Cs}/u.test(field);

/** The one way from a Cluster object to fields. Keys in the order of the object; one that no database could hold is left out. */
export function fieldsOf({ metadata, spec, status }: ClusterLike): ClusterFields {
  const fields: Record<string, string> = {};
  const put = (field: string, value: unknown): void => { if (value !== undefined && value !== null && isName(field)) fields[field] = canonicalJson(value); };
  if (metadata.uid !== undefined) put('object', { createdAt: metadata.creationTimestamp, uid: metadata.uid });
  for (const [key, value] of Object.entries(metadata.labels ?? {})) put(`labels.${key}`, value);
  const { properties, ...rest } = spec ?? {};
  for (const [name, value] of Object.entries((properties ?? {}) as Readonly<Record<string, string>>)) put(`spec.properties.${name}`, value);
  for (const [member, value] of Object.entries(rest)) put(`spec.${member}`, value);
  putStatus((status ?? {}) as ClusterStatusValue, put);
  return fields;
}

function putStatus(status: ClusterStatusValue, put: (field: string, value: unknown) => void): void {
  for (const [member, value] of Object.entries(status)) {
    if (member === 'properties') for (const { name, ...property } of value as readonly StatusProperty[]) put(`properties.${name}`, property);
    else if (member === 'conditions') for (const condition of value as readonly StatusCondition[]) putCondition(condition, put);
    else if (isMap(member) && value !== undefined && Object.keys(value as object).length > 0) for (const [key, one] of Object.entries(value as object)) put(`${member}.${key}`, one);
    else put(member, value);
  }
}

function putCondition({ type, status, reason, lastTransitionTime }: StatusCondition, put: (field: string, value: unknown) => void): void {
  if (type !== OWN_CONDITION) put(`conditions.${type}`, { lastTransitionTime, reason, status });
}

const isMap = (member: string): boolean => MAPS.some((map) => map === member);

/**
 * The status that fields tell of. Fields hold no messages of conditions: those come from `shown`, the status that the object has, where the condition is the same;
 * what is the hub's own in `shown` stays.
 */
export function statusOf(fields: ClusterFields, shown: ClusterStatusValue | undefined): ClusterStatusValue {
  const status: Record<string, unknown> = {};
  const properties: StatusProperty[] = [];
  const conditions: StatusCondition[] = (shown?.conditions ?? []).filter(({ type }) => type === OWN_CONDITION);
  for (const [field, text] of Object.entries(fields)) {
    const value = JSON.parse(text) as unknown;
    const dot = field.indexOf('.');
    const [head, key] = dot < 0 ? [field, undefined] : [field.slice(0, dot), field.slice(dot + 1)];
    if (head === 'labels' || head === 'spec' || head === 'object') continue;
    if (key === undefined) status[head] = value;
    else if (head === 'properties') properties.push({ name: key, ...value as Omit<StatusProperty, 'name'> });
    else if (head === 'conditions') conditions.push(withMessage(key, value as Omit<StatusCondition, 'type' | 'message'>, shown));
    else status[head] = { ...status[head] as object | undefined, [key]: value };
  }
  if (properties.length > 0) status['properties'] = properties.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (conditions.length > 0) status['conditions'] = conditions.sort((a, b) => (a.type < b.type ? -1 : 1));
  return status as ClusterStatusValue;
}

function withMessage(type: string, outcome: Omit<StatusCondition, 'type' | 'message'>, shown: ClusterStatusValue | undefined): StatusCondition {
  const same = shown?.conditions?.find((condition) => condition.type === type && condition.status === outcome.status && condition.reason === outcome.reason);
  return { type, ...outcome, message: same?.message ?? 'as recorded before this hub started' };
}

/** Properties that the hub derives from other fields of a report, so that queries can use them. */
export const DERIVED_PROPERTIES = ['agent-version', 'cilium-cluster-id', 'cilium-version', 'kubernetes-version', 'pod-cidrs'] as const;

/** Fields that only repeat or date others (a field name, or all that begin with what precedes a final `*`): recorded, but not shown to people who did not ask for them. */
export const ECHOES: readonly string[] = ['observedAt.*', ...DERIVED_PROPERTIES.map((name) => `properties.${name}`)];

export const isEcho = (field: string): boolean => ECHOES.some((echo) => (echo.endsWith('*') ? field.startsWith(echo.slice(0, -1)) : field === echo));
