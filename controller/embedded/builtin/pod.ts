/** Pods: what kube-apiserver defaults, decides and refuses of containers, ports, resources and policies (`pkg/apis/core/{v1/defaults,validation}`). */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { clone, equal, isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { nameProblem } from '../metadata.ts';
import { duplicate, fieldForbidden, invalidValue, required } from '../problems.ts';
import { checkResources, normalizeQuantities } from './resource-lists.ts';

const listAt = (object: JsonObject, key: string): readonly JsonObject[] => {
  const list = member(object, key);
  return Array.isArray(list) ? list.filter(isObject) : [];
};
const CONTAINERS = ['initContainers', 'containers'] as const;
const RESOURCES = ['requests', 'limits'] as const;

export function defaultPod(pod: JsonObject): void {
  const spec = objectAt(pod, 'spec');
  pod['spec'] = spec;
  spec['restartPolicy'] ??= 'Always';
  spec['terminationGracePeriodSeconds'] ??= 30;
  spec['dnsPolicy'] ??= 'ClusterFirst';
  spec['securityContext'] ??= {};
  spec['schedulerName'] ??= 'default-scheduler';
  spec['enableServiceLinks'] ??= true;
  normalizeQuantities(spec['overhead'], 'Pod');
  for (const list of RESOURCES) normalizeQuantities(objectAt(spec, 'resources')[list], 'Pod');
  for (const kind of CONTAINERS) for (const container of listAt(spec, kind)) defaultContainer(container);
}

function defaultContainer(container: JsonObject): void {
  const resources = objectAt(container, 'resources');
  container['resources'] = resources;
  container['terminationMessagePath'] ??= '/dev/termination-log';
  container['terminationMessagePolicy'] ??= 'File';
  container['imagePullPolicy'] ??= isNewest(textAt(container, 'image') ?? '') ? 'Always' : 'IfNotPresent';
  for (const port of listAt(container, 'ports')) port['protocol'] ??= 'TCP';
  for (const list of RESOURCES) normalizeQuantities(resources[list], 'Pod');
  const limits = objectAt(resources, 'limits');
  if (Object.keys(limits).length > 0) resources['requests'] = { ...objectAt(resources, 'requests'), ...Object.fromEntries(Object.entries(limits).filter(([name]) => !Object.hasOwn(objectAt(resources, 'requests'), name))) };
}

/** No tag, or the tag `latest`, and no digest. */
const isNewest = (image: string): boolean => !image.includes('@') && /^[^:]*$|:latest$/.test(image.slice(image.lastIndexOf('/') + 1));

const NODE_TROUBLES = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** What kube-apiserver's default admission adds, and the first status. */
export function preparePod(pod: JsonObject, previous: JsonObject | undefined): void {
  const spec = objectAt(pod, 'spec');
  const tolerations = [...listAt(spec, 'tolerations')];
  const tolerates = (key: string): boolean => tolerations.some((one) => ((one['key'] ?? '') === '' || one['key'] === key) && ((one['effect'] ?? '') === '' || one['effect'] === 'NoExecute'));
  for (const key of NODE_TROUBLES) if (!tolerates(key)) tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  spec['tolerations'] = tolerations;
  spec['priority'] ??= 0;
  spec['preemptionPolicy'] ??= 'PreemptLowerPriority';
  if (previous === undefined) pod['status'] = { phase: 'Pending', qosClass: qualityOf(spec) };
}

function qualityOf(spec: JsonObject): string {
  const asking = [...CONTAINERS.flatMap((kind) => listAt(spec, kind)), ...Object.keys(objectAt(spec, 'resources')).length > 0 ? [spec] : []].map((each) => objectAt(each, 'resources'));
  const counted = (resources: JsonObject, list: string): readonly string[] => ['cpu', 'memory'].filter((name) => ![undefined, '0'].includes(objectAt(resources, list)[name] as string | undefined));
  if (asking.every((resources) => RESOURCES.every((list) => counted(resources, list).length === 0))) return 'BestEffort';
  const whole = asking.every((resources) => counted(resources, 'limits').length === 2 && equal(objectAt(resources, 'limits'), objectAt(resources, 'requests')));
  return whole ? 'Guaranteed' : 'Burstable';
}

export function checkPod(pod: JsonObject, previous: JsonObject | undefined): StatusCause[] {
  const spec = objectAt(pod, 'spec');
  if (previous !== undefined) return equal(unchangeable(spec), unchangeable(objectAt(previous, 'spec'))) ? [] : [fieldForbidden('spec', UNCHANGEABLE)];
  const causes: StatusCause[] = [];
  const containers = listAt(spec, 'containers');
  if (containers.length === 0) causes.push(required('spec.containers'));
  const names = new Set<string>();
  // Names of init containers must differ from those of containers, which are judged first.
  for (const kind of ['containers', 'initContainers'] as const) {
    listAt(spec, kind).forEach((container, index) => {
      const field = `spec.${kind}[${index}]`;
      causes.push(...checkContainer(container, field));
      const name = textAt(container, 'name') ?? '';
      if (name !== '' && names.has(name)) causes.push(duplicate(`${field}.name`, name));
      names.add(name);
    });
  }
  const node = textAt(spec, 'nodeName') ?? '';
  const problem = node === '' ? undefined : nameProblem('subdomain', node);
  if (problem !== undefined) causes.push(invalidValue('spec.nodeName', node, problem));
  return causes;
}

function checkContainer(container: JsonObject, field: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const [name, image] = [textAt(container, 'name') ?? '', textAt(container, 'image') ?? ''];
  const problem = name === '' ? undefined : nameProblem('label', name);
  if (name === '') causes.push(required(`${field}.name`));
  if (problem !== undefined) causes.push(invalidValue(`${field}.name`, name, problem));
  if (image === '') causes.push(required(`${field}.image`));
  else if (image.trim() !== image) causes.push(invalidValue(`${field}.image`, image, 'must not have leading or trailing whitespace'));
  listAt(container, 'ports').forEach((port, index) => {
    const number = port['containerPort'];
    if (number === 0) causes.push(required(`${field}.ports[${index}].containerPort`));
    else if (typeof number === 'number' && (number < 1 || number > 65535)) causes.push(invalidValue(`${field}.ports[${index}].containerPort`, number, 'must be between 1 and 65535, inclusive'));
  });
  return [...causes, ...checkResources(objectAt(container, 'resources'), `${field}.resources`)];
}

const UNCHANGEABLE = 'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

function unchangeable(spec: JsonObject): JsonObject {
  const rest = clone(spec);
  for (const key of ['activeDeadlineSeconds', 'tolerations']) delete rest[key];
  for (const kind of CONTAINERS) for (const container of listAt(rest, kind)) delete container['image'];
  return rest;
}
