/** The kinds of Kubernetes itself that this API serves. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { clone, member, objectAt } from '../json.ts';
import { withMetadata } from '../custom-kinds.ts';
import { AGE, METADATA_FIELDS, type ServedKind } from '../kinds.ts';
import { fieldForbidden, invalidValue } from '../problems.ts';
import { ADMISSION_KINDS } from './admission-policy.ts';
import { CONFIG_MAP_COLUMNS, ENDPOINT_SLICE_COLUMNS, EVENT_COLUMNS, LEASE_COLUMNS, NAMESPACE_COLUMNS, NODE_COLUMNS, SECRET_COLUMNS, SERVICE_COLUMNS } from './columns.ts';
import { checkConfigMap } from './config-map.ts';
import { checkEvent, defaultEvent, EVENT_ALWAYS } from './event.ts';
import { eventView } from './event-view.ts';
import { checkEndpointSlice, defaultEndpointSlice, prepareEndpointSlice } from './endpoint-slice.ts';
import { EVENT_FIELDS, NAMESPACE_FIELDS, NODE_FIELDS, POD_FIELDS, SECRET_FIELDS, SERVICE_FIELDS } from './selectable.ts';
import type { Given } from './given.ts';
import { RBAC_KINDS } from './rbac.ts';
import { checkPod, defaultPod, preparePod } from './pod.ts';
import { POD_COLUMNS } from './pod-columns.ts';
import { normalizeQuantities } from './resource-lists.ts';
import { builtInSchema } from './schemas.ts';
import { checkSecret, defaultSecret } from './secret.ts';
import { checkStorageClass, defaultStorageClass, STORAGE_CLASS_COLUMNS } from './storage-class.ts';
import { checkService, defaultService, serviceAddresses } from './service.ts';

function builtIn({ schemaName, nullable = [], checksRequired = false, ...given }: Given): ServedKind {
  const named = builtInSchema(schemaName);
  const schema = withMetadata(withNullable(checksRequired ? withoutDemands(named) : named, nullable));
  return {
    group: '', versions: ['v1'], storedVersion: 'v1', singular: given.kind.toLowerCase(), shortNames: [], categories: [], namespaced: true, builtIn: true,
    description: schema.description ?? given.kind, schema, statusSubresource: false, hasGeneration: false, unconditionalUpdate: true,
    nameRule: 'subdomain', fields: METADATA_FIELDS, ...given,
  };
}

/** `names` may lead into an object: `series.lastObservedTime`. */
const withNullable = (schema: StructuralSchema, names: readonly string[]): StructuralSchema => names.reduce((all, path) => {
  const [name = '', ...rest] = path.split('.');
  const child = all.properties?.[name] ?? {};
  return { ...all, properties: { ...all.properties, [name]: rest.length === 0 ? { ...child, nullable: true } : withNullable(child, [rest.join('.')]) } };
}, schema);

function withoutDemands({ required: _required, enum: _enum, ...schema }: StructuralSchema): StructuralSchema {
  return {
    ...schema,
    ...(schema.items === undefined ? {} : { items: withoutDemands(schema.items) }),
    ...(schema.properties === undefined ? {} : { properties: Object.fromEntries(Object.entries(schema.properties).map(([key, child]) => [key, withoutDemands(child)])) }),
  };
}

const CORE = 'io.k8s.api.core.v1';

/** Content of a Secret or ConfigMap that says `immutable: true` stays. */
const checkImmutable: NonNullable<ServedKind['check']> = (object, previous) => {
  if (previous?.['immutable'] !== true) return [];
  const changed = ['data', 'binaryData', 'immutable'].filter((key) => JSON.stringify(member(object, key)) !== JSON.stringify(member(previous, key)));
  return changed.map((key) => fieldForbidden(key, 'field is immutable when `immutable` is set'));
};

/** `serviceRanges`: CIDRs that cluster IPs come from, the first's family is the default. */
export function builtInKinds(serviceRanges: readonly string[]): readonly ServedKind[] {
  const event = builtIn({
    kind: 'Event', plural: 'events', createsOnUpdate: true, shortNames: ['ev'], schemaName: `${CORE}.Event`,
    columns: EVENT_COLUMNS, fields: EVENT_FIELDS, nullable: ['firstTimestamp', 'lastTimestamp', 'eventTime', 'series.lastObservedTime'], blank: EVENT_ALWAYS,
    defaults: defaultEvent, check: checkEvent,
  });
  return [
    event, builtIn(eventView(event)),
    ...RBAC_KINDS.map(builtIn),
    ...ADMISSION_KINDS.map(builtIn),
    builtIn({
      kind: 'Namespace', plural: 'namespaces', shortNames: ['ns'], namespaced: false, nameRule: 'label', statusSubresource: true, schemaName: `${CORE}.Namespace`,
      columns: NAMESPACE_COLUMNS, fields: NAMESPACE_FIELDS,
      prepare(object, previous) {
        if (previous !== undefined) {
          // `finalize` alone changes it.
          object['spec'] = clone(objectAt(previous, 'spec'));
          return;
        }
        const given = objectAt(object, 'spec')['finalizers'];
        object['spec'] = { finalizers: [...Array.isArray(given) ? given.filter((each) => each !== 'kubernetes') : [], 'kubernetes'] };
        object['status'] = { phase: 'Active' };
      },
      defaults(object) {
        const metadata = objectAt(object, 'metadata');
        if (metadata['name'] !== undefined) metadata['labels'] = { ...objectAt(metadata, 'labels'), 'kubernetes.io/metadata.name': metadata['name'] };
      },
    }),
    builtIn({
      kind: 'Node', plural: 'nodes', shortNames: ['no'], namespaced: false, statusSubresource: true, schemaName: `${CORE}.Node`,
      columns: NODE_COLUMNS, fields: NODE_FIELDS,
      defaults: (object) => { for (const list of ['capacity', 'allocatable']) normalizeQuantities(objectAt(object, 'status')[list], 'Node'); },
    }),
    builtIn({
      kind: 'Pod', plural: 'pods', shortNames: ['po'], categories: ['all'], statusSubresource: true, hasGeneration: true, schemaName: `${CORE}.Pod`,
      columns: POD_COLUMNS, fields: POD_FIELDS, defaults: defaultPod, prepare: preparePod, check: checkPod,
    }),
    builtIn({
      kind: 'StorageClass', plural: 'storageclasses', group: 'storage.k8s.io', namespaced: false, shortNames: ['sc'], schemaName: 'io.k8s.api.storage.v1.StorageClass',
      columns: STORAGE_CLASS_COLUMNS, defaults: defaultStorageClass, check: checkStorageClass, blank: {},
    }),
    builtIn({
      kind: 'Secret', plural: 'secrets', schemaName: `${CORE}.Secret`, defaults: defaultSecret,
      check: (object, previous, around) => [...checkSecret(object, previous), ...checkImmutable(object, previous, around)],
      columns: SECRET_COLUMNS, fields: SECRET_FIELDS,
    }),
    builtIn({
      kind: 'ConfigMap', plural: 'configmaps', shortNames: ['cm'], schemaName: `${CORE}.ConfigMap`, check: (object, previous, around) => [...checkConfigMap(object), ...checkImmutable(object, previous, around)],
      columns: CONFIG_MAP_COLUMNS,
    }),
    builtIn({
      kind: 'Service', plural: 'services', createsOnUpdate: true, shortNames: ['svc'], categories: ['all'], nameRule: 'label1035', statusSubresource: true, schemaName: `${CORE}.Service`,
      columns: SERVICE_COLUMNS, fields: SERVICE_FIELDS, defaults: defaultService, prepare: serviceAddresses(serviceRanges), check: checkService,
    }),
    builtIn({
      kind: 'ServiceAccount', plural: 'serviceaccounts', shortNames: ['sa'], schemaName: `${CORE}.ServiceAccount`, columns: [AGE],
    }),
    builtIn({
      kind: 'EndpointSlice', plural: 'endpointslices', group: 'discovery.k8s.io', schemaName: 'io.k8s.api.discovery.v1.EndpointSlice', nullable: ['endpoints', 'ports'], hasGeneration: true,
      columns: ENDPOINT_SLICE_COLUMNS, defaults: defaultEndpointSlice, prepare: prepareEndpointSlice, check: checkEndpointSlice,
    }),
    builtIn({
      kind: 'Lease', plural: 'leases', createsOnUpdate: true, group: 'coordination.k8s.io', schemaName: 'io.k8s.api.coordination.v1.Lease', unconditionalUpdate: false,
      columns: LEASE_COLUMNS,
      check: (object) => {
        const { leaseDurationSeconds: seconds, leaseTransitions: transitions } = objectAt(object, 'spec');
        return [
          ...(typeof seconds === 'number' && seconds <= 0 ? [invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0')] : []),
          ...(typeof transitions === 'number' && transitions < 0 ? [invalidValue('spec.leaseTransitions', transitions, 'must be greater than or equal to 0')] : []),
        ];
      },
    }),
  ];
}
