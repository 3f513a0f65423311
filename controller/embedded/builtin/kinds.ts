/** The kinds of Kubernetes itself that this API serves. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { member, objectAt, textAt, type JsonObject } from '../json.ts';
import { withMetadata } from '../custom-kinds.ts';
import { AGE, METADATA_FIELDS, type ServedKind, type TableColumn } from '../kinds.ts';
import { fieldForbidden, invalidValue } from '../problems.ts';
import { checkEndpointSlice, defaultEndpointSlice, ENDPOINT_SLICE_COLUMNS, prepareEndpointSlice } from './endpoint-slice.ts';
import { builtInSchema } from './schemas.ts';
import { checkSecret, defaultSecret } from './secret.ts';
import { checkService, defaultService, SERVICE_COLUMNS, serviceAddresses } from './service.ts';

const column = (name: string, description: string, read: TableColumn['read'], options: { type?: TableColumn['type']; priority?: number } = {}): TableColumn =>
  ({ name, description, read, type: options.type ?? 'string', priority: options.priority ?? 0 });

type Given = Pick<ServedKind, 'kind' | 'plural' | 'columns'> & Partial<ServedKind> & { readonly schemaName: string };

function builtIn({ schemaName, ...given }: Given): ServedKind {
  const schema = withMetadata(given.kind === 'EndpointSlice' ? nullableLists(builtInSchema(schemaName)) : builtInSchema(schemaName));
  return {
    group: '', versions: ['v1'], singular: given.kind.toLowerCase(), shortNames: [], categories: [], namespaced: true, builtIn: true,
    description: schema.description ?? given.kind, schema, statusSubresource: false, hasGeneration: false, unconditionalUpdate: true,
    nameRule: 'subdomain', fields: METADATA_FIELDS, ...given,
  };
}

/** Stored as null where they are empty. */
const nullableLists = (schema: StructuralSchema): StructuralSchema =>
  ({ ...schema, properties: { ...schema.properties, endpoints: { ...schema.properties?.['endpoints'], nullable: true }, ports: { ...schema.properties?.['ports'], nullable: true } } });

const count = (key: string) => (object: JsonObject): number => Object.keys(objectAt(object, key)).length;
const CORE = 'io.k8s.api.core.v1';

/** Content of a Secret or ConfigMap that says `immutable: true` stays. */
const checkImmutable: NonNullable<ServedKind['check']> = (object, previous) => {
  if (previous?.['immutable'] !== true) return [];
  const changed = ['data', 'binaryData', 'immutable'].filter((key) => JSON.stringify(member(object, key)) !== JSON.stringify(member(previous, key)));
  return changed.map((key) => fieldForbidden(key, 'field is immutable when `immutable` is set'));
};

/** `serviceRanges`: CIDRs that cluster IPs come from, the first's family is the default. */
export function builtInKinds(serviceRanges: readonly string[]): readonly ServedKind[] {
  return [
    builtIn({
      kind: 'Namespace', plural: 'namespaces', shortNames: ['ns'], namespaced: false, nameRule: 'label', statusSubresource: true, schemaName: `${CORE}.Namespace`,
      columns: [column('Status', 'Active or Terminating.', (object) => objectAt(object, 'status')['phase']), AGE],
      prepare(object, previous) {
        if (previous !== undefined) return;
        object['spec'] = { finalizers: ['kubernetes'] };
        object['status'] = { phase: 'Active' };
      },
      defaults(object) {
        const metadata = objectAt(object, 'metadata');
        if (metadata['name'] !== undefined) metadata['labels'] = { ...objectAt(metadata, 'labels'), 'kubernetes.io/metadata.name': metadata['name'] };
      },
    }),
    builtIn({
      kind: 'Node', plural: 'nodes', shortNames: ['no'], namespaced: false, statusSubresource: true, schemaName: `${CORE}.Node`,
      columns: [
        column('Status', 'Whether the node is ready.', nodeStatus),
        column('Version', 'Version of the kubelet.', (object) => textAt(objectAt(objectAt(object, 'status'), 'nodeInfo'), 'kubeletVersion')),
        AGE,
      ],
    }),
    builtIn({
      kind: 'Secret', plural: 'secrets', schemaName: `${CORE}.Secret`, defaults: defaultSecret,
      check: (object, previous, around) => [...checkSecret(object, previous), ...checkImmutable(object, previous, around)],
      columns: [column('Type', 'What the data is for.', (object) => object['type']), column('Data', 'Number of keys.', count('data'), { type: 'integer' }), AGE],
      fields: { ...METADATA_FIELDS, type: (object) => textAt(object, 'type') ?? '' },
    }),
    builtIn({
      kind: 'ConfigMap', plural: 'configmaps', shortNames: ['cm'], schemaName: `${CORE}.ConfigMap`, check: checkImmutable,
      columns: [column('Data', 'Number of keys.', (object) => count('data')(object) + count('binaryData')(object), { type: 'integer' }), AGE],
    }),
    builtIn({
      kind: 'Service', plural: 'services', shortNames: ['svc'], categories: ['all'], nameRule: 'label1035', statusSubresource: true, schemaName: `${CORE}.Service`,
      columns: SERVICE_COLUMNS, defaults: defaultService, prepare: serviceAddresses(serviceRanges), check: checkService,
    }),
    builtIn({
      kind: 'ServiceAccount', plural: 'serviceaccounts', shortNames: ['sa'], schemaName: `${CORE}.ServiceAccount`, columns: [AGE],
    }),
    builtIn({
      kind: 'Event', plural: 'events', shortNames: ['ev'], schemaName: `${CORE}.Event`,
      columns: [
        column('Type', 'Normal or Warning.', (object) => object['type']),
        column('Reason', 'Why, in one word.', (object) => object['reason']),
        column('Object', 'What it is about.', (object) => `${(textAt(objectAt(object, 'involvedObject'), 'kind') ?? '').toLowerCase()}/${textAt(objectAt(object, 'involvedObject'), 'name') ?? ''}`),
        column('Message', 'What happened.', (object) => object['message']),
      ],
      fields: {
        ...METADATA_FIELDS,
        'involvedObject.name': (object) => textAt(objectAt(object, 'involvedObject'), 'name') ?? '',
        'involvedObject.namespace': (object) => textAt(objectAt(object, 'involvedObject'), 'namespace') ?? '',
        'involvedObject.kind': (object) => textAt(objectAt(object, 'involvedObject'), 'kind') ?? '',
        'involvedObject.uid': (object) => textAt(objectAt(object, 'involvedObject'), 'uid') ?? '',
        reason: (object) => textAt(object, 'reason') ?? '',
        type: (object) => textAt(object, 'type') ?? '',
      },
    }),
    builtIn({
      kind: 'EndpointSlice', plural: 'endpointslices', group: 'discovery.k8s.io', schemaName: 'io.k8s.api.discovery.v1.EndpointSlice', hasGeneration: true,
      columns: ENDPOINT_SLICE_COLUMNS, defaults: defaultEndpointSlice, prepare: prepareEndpointSlice, check: checkEndpointSlice,
    }),
    builtIn({
      kind: 'Lease', plural: 'leases', group: 'coordination.k8s.io', schemaName: 'io.k8s.api.coordination.v1.Lease', unconditionalUpdate: false,
      columns: [column('Holder', 'Who holds it.', (object) => objectAt(object, 'spec')['holderIdentity']), AGE],
      check: (object) => {
        const seconds = objectAt(object, 'spec')['leaseDurationSeconds'];
        return typeof seconds === 'number' && seconds <= 0 ? [invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0')] : [];
      },
    }),
  ];
}

function nodeStatus(object: JsonObject): string {
  const conditions = objectAt(object, 'status')['conditions'];
  const ready = Array.isArray(conditions) ? (conditions as JsonObject[]).find((condition) => condition['type'] === 'Ready') : undefined;
  return ready === undefined ? 'Unknown' : ready['status'] === 'True' ? 'Ready' : 'NotReady';
}
