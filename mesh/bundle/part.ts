/** What is wrong with one part of a bundle. */
import { dnsLabelProblem } from '../model/names.ts';
import { isObject, type JsonObject } from './json.ts';
import { groupOf } from './objects.ts';
import { first, shapeProblem } from './shape.ts';
import { parseSemanticVersion } from './version.ts';

const LONGEST_HOOK_SECONDS = 86_400;
const PART_KINDS = ['manifests', 'values', 'patch', 'agentVersion', 'hook'] as const;
const TARGETS = ['HelmRelease', 'Application', 'ConfigMap'];
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
export const KIND = /^[A-Z][A-Za-z0-9]{0,62}$/;
export const API_VERSION = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?v[a-z0-9]{1,62}$/;
/** What belongs to one cluster's copy of an object and means something else, or harm, in another. */
const OF_ONE_CLUSTER = ['uid', 'resourceVersion', 'managedFields', 'ownerReferences', 'generateName', 'deletionTimestamp', 'selfLink'];

export function partProblem(part: unknown, index: number): string | undefined {
  const field = `parts[${index}]`;
  const shape = shapeProblem(field, part, ['name'], PART_KINDS);
  if (shape !== undefined) return shape;
  const value = part as JsonObject;
  if (typeof value['name'] !== 'string') return `${field}.name: is not a text`;
  const given = PART_KINDS.filter((kind) => value[kind] !== undefined);
  if (given.length !== 1) return `${field} (${value['name']}): has ${given.length === 0 ? 'nothing to do' : given.join(' and ')}; give exactly one of ${PART_KINDS.join(', ')}`;
  const kind = given[0] as (typeof PART_KINDS)[number];
  return dnsLabelProblem(`${field}.name`, value['name']) ?? KIND_PROBLEMS[kind](`${field}.${kind}`, value[kind]);
}

const KIND_PROBLEMS: Readonly<Record<(typeof PART_KINDS)[number], (field: string, value: unknown) => string | undefined>> = {
  manifests(field, value) {
    if (!Array.isArray(value) || value.length === 0) return `${field}: is not a list of objects`;
    return first(value as readonly unknown[], (manifest, index) => manifestProblem(`${field}[${index}]`, manifest));
  },
  values(field, value) {
    const shape = shapeProblem(field, value, ['target', 'namespace', 'name', 'values']);
    if (shape !== undefined) return shape;
    const { target, values } = value as JsonObject;
    if (!TARGETS.includes(target as string)) return `${field}.target: ${JSON.stringify(target)} is none of ${TARGETS.join(', ')}`;
    if (!isObject(values)) return `${field}.values: is not an object`;
    const other = target === 'ConfigMap' ? Object.keys(values).find((key) => typeof values[key] !== 'string') : undefined;
    return other === undefined ? namespaced(field, value as JsonObject) : `${field}.values.${other}: a ConfigMap holds texts alone; write it as a text`;
  },
  patch(field, value) {
    const shape = shapeProblem(field, value, ['object', 'fields']) ?? shapeProblem(`${field}.object`, (value as JsonObject)['object'], ['apiVersion', 'kind', 'namespace', 'name']);
    if (shape !== undefined) return shape;
    const { object, fields } = value as { readonly object: JsonObject; readonly fields: unknown };
    if (!isObject(fields) || Object.keys(fields).length === 0) return `${field}.fields: is not an object with fields`;
    const identity = ['apiVersion', 'kind', 'metadata', 'status'].find((key) => fields[key] !== undefined);
    return identity === undefined ? coordinates(`${field}.object`, object) : `${field}.fields.${identity}: a patch writes other fields of an object than ${identity}; take it out`;
  },
  agentVersion(field, value) {
    const shape = shapeProblem(field, value, ['version']);
    if (shape !== undefined) return shape;
    const { version } = value as JsonObject;
    return typeof version === 'string' && parseSemanticVersion(version) !== undefined ? undefined : `${field}.version: ${JSON.stringify(version)} is not a semantic version`;
  },
  hook(field, value) {
    const shape = shapeProblem(field, value, ['job', 'timeoutSeconds']);
    if (shape !== undefined) return shape;
    const { job, timeoutSeconds } = value as JsonObject;
    if (!Number.isInteger(timeoutSeconds) || (timeoutSeconds as number) < 1 || (timeoutSeconds as number) > LONGEST_HOOK_SECONDS) return `${field}.timeoutSeconds: ${JSON.stringify(timeoutSeconds)} is not 1 to ${LONGEST_HOOK_SECONDS}`;
    const problem = manifestProblem(`${field}.job`, job);
    if (problem !== undefined) return problem;
    const { apiVersion, kind, metadata } = job as { readonly apiVersion: string; readonly kind: string; readonly metadata: JsonObject };
    if (apiVersion !== 'batch/v1' || kind !== 'Job') return `${field}.job: is ${apiVersion} ${kind}; a hook is a Job of batch/v1`;
    return metadata['namespace'] === undefined ? `${field}.job.metadata.namespace: is missing` : undefined;
  },
};

function manifestProblem(field: string, manifest: unknown): string | undefined {
  if (!isObject(manifest)) return `${field}: is not an object`;
  const { apiVersion, kind, metadata } = manifest;
  if (!isObject(metadata)) return `${field}.metadata: is not an object`;
  if (typeof kind === 'string' && kind.endsWith('List') && manifest['items'] !== undefined) return `${field}: is a ${kind}; give its items one by one`;
  const own = OF_ONE_CLUSTER.find((key) => metadata[key] !== undefined);
  if (own !== undefined) return `${field}.metadata.${own}: belongs to the object of one cluster; take it out`;
  return coordinates(field, { apiVersion, kind, namespace: metadata['namespace'] ?? '', name: metadata['name'] }, `${field}.metadata`);
}

function coordinates(field: string, { apiVersion, kind, namespace, name }: JsonObject, metadata = field): string | undefined {
  if (typeof apiVersion !== 'string' || !API_VERSION.test(apiVersion)) return `${field}.apiVersion: ${JSON.stringify(apiVersion)} is not GROUP/VERSION, or VERSION alone of the core group`;
  if (typeof kind !== 'string' || !KIND.test(kind)) return `${field}.kind: ${JSON.stringify(kind)} is not the name of a kind`;
  if (typeof namespace !== 'string') return `${metadata}.namespace: is not a text`;
  if (typeof name !== 'string' || name === '') return `${metadata}.name: is missing`;
  const wrongNamespace = namespace === '' ? undefined : dnsLabelProblem(`${metadata}.namespace`, namespace);
  if (wrongNamespace !== undefined) return wrongNamespace;
  // Roles and bindings may have any path segment as their name; all else has subdomains.
  const valid = groupOf(apiVersion) === 'rbac.authorization.k8s.io' ? name.length <= 253 && name !== '.' && name !== '..' && !/[/%\s]/.test(name) : SUBDOMAIN.test(name);
  return valid ? undefined : `${metadata}.name: ${JSON.stringify(name)} is not a name that Kubernetes allows: use a-z, 0-9, "-" and ".", beginning and ending with a letter or digit`;
}

function namespaced(field: string, { namespace, name }: JsonObject): string | undefined {
  if (typeof namespace !== 'string') return `${field}.namespace: is not a text`;
  return dnsLabelProblem(`${field}.namespace`, namespace) ?? coordinates(field, { apiVersion: 'v1', kind: 'ConfigMap', namespace, name });
}
