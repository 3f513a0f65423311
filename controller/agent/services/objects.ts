/** What one import looks like in this cluster's API: ServiceImport, derived Service, EndpointSlices. Pure. Names and labels as Cilium's own MCS controllers use them. */
import type { EndpointSliceObject, ServiceObject } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf } from '../../../mesh/api/resources/define.ts';
import { ServiceImport, type ServiceImportObject } from '../../../mesh/api/resources/multicluster.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import type { SlicePlan } from '../../../mesh/services/derived.ts';
import type { ImportPlan } from '../../../mesh/services/merge.ts';

export const MANAGED_BY = { 'app.kubernetes.io/managed-by': AGENT_FIELD_MANAGER } as const;
export const SERVICE_NAME_LABEL = 'multicluster.kubernetes.io/service-name';
const DERIVED_ANNOTATION = 'multicluster.kubernetes.io/derived-service';

export const isOurs = (object: { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } }): boolean =>
  object.metadata.labels?.['app.kubernetes.io/managed-by'] === AGENT_FIELD_MANAGER;

/** Also where somebody took our label away. */
export const wasWrittenBy = (manager: string, { metadata }: KubernetesObject): boolean =>
  metadata.managedFields?.some((entry) => entry.manager === manager && entry.operation === 'Apply' && (entry.subresource ?? '') === '') ?? false;

/** `derived` undefined: not there yet, so the import has no address. */
export function importObject(plan: ImportPlan, derivedName: string, derived: ServiceObject | undefined): ServiceImportObject {
  const ips = plan.type === 'Headless' ? [] : derivedIps(derived);
  const families = derived?.spec?.ipFamilies ?? plan.ipFamilies;
  return {
    apiVersion: apiVersionOf(ServiceImport),
    kind: 'ServiceImport',
    metadata: { namespace: plan.namespace, name: plan.name, labels: MANAGED_BY, annotations: { [DERIVED_ANNOTATION]: derivedName } },
    spec: {
      type: plan.type,
      ports: plan.ports.map(({ name, protocol, port, appProtocol }) => ({ ...(name === '' ? {} : { name }), protocol, port, ...(appProtocol === undefined ? {} : { appProtocol }) })),
      ...(ips.length === 0 ? {} : { ips: [...ips] }),
      ...(families.length === 0 ? {} : { ipFamilies: [...families] }),
      sessionAffinity: plan.sessionAffinity,
    },
  };
}

export const derivedIps = (derived: ServiceObject | undefined): readonly string[] =>
  (derived?.spec?.clusterIPs ?? (derived?.spec?.clusterIP === undefined ? [] : [derived.spec.clusterIP])).filter((ip) => ip !== '' && ip !== 'None');

/** No selector: its endpoints are the slices that we write. */
export function derivedObject(plan: ImportPlan, name: string, owner: ServiceImportObject): ServiceObject {
  const [family] = plan.ipFamilies;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      namespace: plan.namespace,
      name,
      labels: { ...MANAGED_BY, [SERVICE_NAME_LABEL]: plan.name },
      annotations: { 'isthmus.dev/service-import': `${plan.namespace}/${plan.name}` },
      ownerReferences: [ownerReference(owner)],
    },
    spec: {
      type: 'ClusterIP',
      ...(plan.type === 'Headless' ? { clusterIP: 'None' } : {}),
      // A cluster of one family must be able to take a service of two: it then chooses by itself.
      ...(plan.ipFamilies.length === 1 && family !== undefined ? { ipFamilyPolicy: 'SingleStack', ipFamilies: [family] } : { ipFamilyPolicy: 'PreferDualStack' }),
      sessionAffinity: plan.sessionAffinity,
      ports: plan.ports.map(({ name: portName, protocol, port, appProtocol }) => (
        { ...(portName === '' ? {} : { name: portName }), protocol, port, targetPort: port, ...(appProtocol === undefined ? {} : { appProtocol }) })),
    },
  };
}

export function sliceObject(plan: SlicePlan, owner: ServiceObject): EndpointSliceObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: plan.namespace, name: plan.name, labels: plan.labels, ownerReferences: [ownerReference(owner)] },
    addressType: plan.addressType,
    endpoints: plan.endpoints.map(({ addresses, ready, hostname, zone }) => ({
      addresses, conditions: { ready, serving: ready, terminating: false }, ...(hostname === undefined ? {} : { hostname }), ...(zone === undefined ? {} : { zone }),
    })),
    ports: plan.ports.map(({ name, protocol, port, appProtocol }) => ({ name, protocol, port, ...(appProtocol === undefined ? {} : { appProtocol }) })),
  };
}

const ownerReference = ({ apiVersion, kind, metadata: { name, uid = '' } }: ServiceImportObject | ServiceObject) => ({ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: false });
