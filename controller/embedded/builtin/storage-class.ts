/** StorageClasses (`storage.k8s.io/v1`): defaults, rules and columns (`pkg/apis/storage`). */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { equal, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { AGE, type TableColumn } from '../kinds.ts';
import { nameOf, qualifiedNameProblems } from '../metadata.ts';
import { invalidValue, notSupported, required } from '../problems.ts';
import { about, column } from './columns.ts';

const RECLAIM = ['Delete', 'Retain'];
const BINDING = ['Immediate', 'WaitForFirstConsumer'];
const FIXED = ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'];
const DEFAULT = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

export function defaultStorageClass(object: JsonObject): void {
  object['reclaimPolicy'] ??= 'Delete';
  object['volumeBindingMode'] ??= 'Immediate';
}

export function checkStorageClass(object: JsonObject, previous: JsonObject | undefined): StatusCause[] {
  if (previous !== undefined) return FIXED.filter((key) => !equal(member(object, key) ?? {}, member(previous, key) ?? {})).map((key) => invalidValue(key, member(object, key) ?? {}, 'field is immutable'));
  const [provisioner, reclaim, binding] = ['provisioner', 'reclaimPolicy', 'volumeBindingMode'].map((key) => textAt(object, key) ?? '') as [string, string, string];
  return [
    ...(provisioner === '' ? [required('provisioner')] : qualifiedNameProblems(provisioner.toLowerCase()).map((problem) => invalidValue('provisioner', provisioner, problem))),
    ...Object.keys(objectAt(object, 'parameters')).filter((key) => key === '').map((key) => invalidValue('parameters', key, 'field can not be empty.')),
    ...(RECLAIM.includes(reclaim) ? [] : [notSupported('reclaimPolicy', reclaim, RECLAIM)]),
    ...(BINDING.includes(binding) ? [] : [notSupported('volumeBindingMode', binding, BINDING)]),
  ];
}

const isDefault = (object: JsonObject): boolean => DEFAULT.some((key) => objectAt(objectAt(object, 'metadata'), 'annotations')[key] === 'true');

export const STORAGE_CLASS_COLUMNS: readonly TableColumn[] = [
  { ...column('Name', '', (object) => `${nameOf(object)}${isDefault(object) ? ' (default)' : ''}`), format: 'name' },
  column('Provisioner', about('storage.v1.StorageClass', 'provisioner'), (object) => textAt(object, 'provisioner') ?? ''),
  column('ReclaimPolicy', about('storage.v1.StorageClass', 'reclaimPolicy'), (object) => textAt(object, 'reclaimPolicy') ?? ''),
  column('VolumeBindingMode', about('storage.v1.StorageClass', 'volumeBindingMode'), (object) => textAt(object, 'volumeBindingMode') ?? ''),
  column('AllowVolumeExpansion', about('storage.v1.StorageClass', 'allowVolumeExpansion'), (object) => member(object, 'allowVolumeExpansion') === true),
  AGE,
];
