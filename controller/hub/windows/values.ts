/** ChangeWindow and WindowOverride objects as values: the same value until the spec changes, so that what follows from it is worked out once. */
import { type ChangeWindowObject, changeWindowSpec, type WindowOverrideObject, windowOverrideSpec } from '../../../mesh/api/resources/windows.ts';
import { type ChangeWindowValue, OVERRIDE_LONGEST_SECONDS, type WindowOverrideValue } from '../../../mesh/model/change-window.ts';
import { fromRfc3339, seconds } from '../../../mesh/model/instant.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';

/** One that its schema refuses closes for all: nobody can say what it was to do. */
export function changeWindowValue({ metadata: { name }, spec }: ChangeWindowObject): ChangeWindowValue {
  const read = changeWindowSpec.safeParse(spec ?? {});
  if (read.success) return { ...Object.fromEntries(Object.entries(read.data).filter(([, member]) => member !== undefined)), name } as ChangeWindowValue;
  const [first] = read.error.issues;
  return { name, kind: 'Deny', clusters: {}, timeZone: 'UTC', reason: '', unreadable: `spec${first === undefined ? '' : `.${first.path.join('.')}: ${first.message}`}` };
}

/** Whatever the API server let pass: it would open windows for longer than anybody may. One without a time of its own was made by no API server. */
export function isTooLong({ metadata: { creationTimestamp }, spec }: WindowOverrideObject): boolean {
  const [createdAt, expiresAt] = [fromRfc3339(creationTimestamp), fromRfc3339(spec?.expiresAt)];
  return createdAt !== undefined && expiresAt !== undefined && expiresAt > createdAt + seconds(OVERRIDE_LONGEST_SECONDS);
}

/** undefined: it is not as its schema has it, or is too long, and opens nothing. */
export function windowOverrideValue(object: WindowOverrideObject): WindowOverrideValue | undefined {
  const { metadata: { name }, spec } = object;
  const read = windowOverrideSpec.safeParse(spec ?? {});
  const expiresAt = fromRfc3339(read.data?.expiresAt);
  if (read.data === undefined || expiresAt === undefined || isTooLong(object)) return undefined;
  const { run, clusters, reason, requestedBy } = read.data;
  return { name, run, reason, requestedBy, expiresAt, ...(clusters === undefined ? {} : { clusters: clusters as NonNullable<WindowOverrideValue['clusters']> }) };
}

/** Values of a changing list of objects; the array is the same until a value is another. */
export function keptValues<O extends KubernetesObject, V>(valueOf: (object: O) => V | undefined): (objects: readonly O[]) => readonly V[] {
  let known = new Map<string, { readonly version: string; readonly value: V | undefined }>();
  let values: readonly V[] = [];
  return (objects) => {
    const next = new Map(objects.map((object) => {
      const { name, uid = '', generation } = object.metadata;
      const version = `${uid} ${generation ?? object.metadata.resourceVersion}`;
      const before = known.get(name);
      return [name, before?.version === version ? before : { version, value: valueOf(object) }] as const;
    }));
    known = next;
    const now = [...next.values()].flatMap(({ value }) => (value === undefined ? [] : [value]));
    if (now.length !== values.length || now.some((value, index) => value !== values[index])) values = now;
    return values;
  };
}
