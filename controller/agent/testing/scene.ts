/** Steps that tests of the whole agent share. */
import { EndpointSlice, type EndpointSliceObject, Secret, type SecretObject, Service } from '../../../mesh/api/resources/core.ts';
import { ServiceExport } from '../../../mesh/api/resources/multicluster.ts';
import type { PeeringState } from '../../../mesh/model/desired.ts';
import type { ExportFact } from '../../../mesh/model/service.ts';
import type { KubernetesObject, ObjectRef, ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { revision, type World } from './world.ts';

const signal = new AbortController().signal;
export const shop = { namespace: 'shop', name: 'checkout' };
export const peersSecret = { namespace: 'kube-system', name: 'cilium-clustermesh' };

export const peering = (peers: readonly string[]): PeeringState => ({
  clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 255, ciliumVersion: '1.18.12', namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster',
  peers: peers.map((name, index) => ({ name, clusterId: index + 2, endpoint: { address: `${name}.mesh.example`, port: 2379 } })),
});

/** A desired state with the roots that the agent has already. */
export async function trusted(world: World, state: Parameters<typeof revision>[0]) {
  const secret = await world.kubernetes.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-agent-identity' }, signal);
  return revision({ trust: { trustDomain: 'mesh.example', sequence: 1, bundlePem: Buffer.from(secret?.data?.['ca.crt'] ?? '', 'base64').toString() }, ...state });
}

export async function assign(world: World, state: Parameters<typeof revision>[0]): Promise<string> {
  const desired = await trusted(world, state);
  world.hub.set('DesiredRevision', 'berlin', desired);
  await world.clock.advance(100);
  return desired.id;
}

export const make = (world: World, kind: ResourceKind, object: object, fieldManager = 'kubectl-create'): Promise<KubernetesObject> => world.kubernetes.create(kind, object as never, { fieldManager }, signal);
export const read = <T extends KubernetesObject>(world: World, kind: ResourceKind, ref: ObjectRef): Promise<T | undefined> => world.kubernetes.get<T>(kind, ref, signal);
export const edit = (world: World, kind: ResourceKind, ref: ObjectRef, body: object, fieldManager = 'kubectl-edit'): Promise<KubernetesObject> =>
  world.kubernetes.patch(kind, ref, body, { type: 'merge', fieldManager }, signal);
export const base64 = (text: string): string => Buffer.from(text).toString('base64');

export async function exportCheckout(world: World, addresses: readonly string[] = ['10.10.0.11']): Promise<void> {
  await make(world, Service, { apiVersion: 'v1', kind: 'Service', metadata: shop, spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }], selector: { app: 'checkout' } } });
  await make(world, EndpointSlice, {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { namespace: 'shop', name: 'checkout-1', labels: { 'kubernetes.io/service-name': 'checkout' } }, addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })), ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
  });
  await make(world, ServiceExport, { apiVersion: 'multicluster.x-k8s.io/v1beta1', kind: 'ServiceExport', metadata: shop });
  await world.clock.advance(20);
}

/** What a hub does with an export that a policy allows. */
export function authorise(world: World): ExportFact {
  const fact = world.heard('ExportFact', 'shop/checkout')!;
  world.hub.set('ImportedFact', 'berlin/shop/checkout', fact);
  world.hub.set('ExportVerdict', 'shop/checkout', { namespace: 'shop', name: 'checkout', valid: true, reason: 'Valid', message: 'ok', conflictReason: '', conflictMessage: '' });
  return fact;
}

export const slices = async (world: World, namespace = 'shop'): Promise<readonly EndpointSliceObject[]> =>
  (await world.kubernetes.list<EndpointSliceObject>(EndpointSlice, { namespace, labelSelector: 'app.kubernetes.io/managed-by=isthmus-agent' }, signal)).items;

/** Source clusters of the slices that the agent wrote. */
export const sources = async (world: World): Promise<(string | undefined)[]> => (await slices(world)).map(({ metadata }) => metadata.labels?.['multicluster.kubernetes.io/source-cluster']);

/** Of the one endpoint of `exportCheckout`. */
export const setReady = (world: World, ready: boolean): Promise<KubernetesObject> =>
  edit(world, EndpointSlice, { namespace: 'shop', name: 'checkout-1' }, { endpoints: [{ addresses: ['10.10.0.11'], conditions: { ready } }] }, 'endpointslice-controller');

export const secretKeys = async (world: World): Promise<string[]> => Object.keys((await read<SecretObject>(world, Secret, peersSecret))?.data ?? {}).sort();
