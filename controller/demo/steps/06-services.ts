import { EndpointSlice, type EndpointSliceObject, Service, type ServiceObject } from '../../../mesh/api/resources/core.ts';
import { ExportPolicy, ServiceExport, ServiceImport } from '../../../mesh/api/resources/index.ts';
import type { ServiceExportObject, ServiceImportObject } from '../../../mesh/api/resources/multicluster.ts';
import { findCondition } from '../../../mesh/model/condition.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { eventually, expect } from '../eventually.ts';
import type { DemoCluster } from '../fleet.ts';
import { apply, applyObject } from '../objects.ts';
import type { Step, Walk } from '../walk.ts';

const NAMESPACE = 'shop';

/** A Service without selector and the slice that stands in for its pods. */
async function provide(walk: Walk, cluster: DemoCluster, name: string, ready: boolean): Promise<void> {
  await applyObject(cluster.api, Service, {
    apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: NAMESPACE }, spec: { ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }] },
  } as KubernetesObject, walk.signal);
  await setReady(walk, cluster, name, ready);
}

export async function setReady(walk: Walk, cluster: DemoCluster, name: string, ready: boolean): Promise<void> {
  await applyObject(cluster.api, EndpointSlice, {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace: NAMESPACE, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4', ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: cluster.endpoints.map((address) => ({ addresses: [address], conditions: { ready, serving: ready, terminating: false } })),
  } as KubernetesObject, walk.signal);
}

/** Both served versions are in use out there. */
const exportService = (walk: Walk, cluster: DemoCluster, name: string, version: 'v1alpha1' | 'v1beta1'): Promise<KubernetesObject> =>
  applyObject(cluster.api, { ...ServiceExport, version }, { apiVersion: `multicluster.x-k8s.io/${version}`, kind: 'ServiceExport', metadata: { name, namespace: NAMESPACE } }, walk.signal);

/** Source clusters of the slices that a cluster's derived Service has. */
export async function sliceSources(walk: Walk, cluster: DemoCluster): Promise<string[]> {
  const slices = await cluster.api.list<EndpointSliceObject>(EndpointSlice, { namespace: NAMESPACE, labelSelector: 'multicluster.kubernetes.io/service-name=checkout' }, walk.signal);
  return slices.items.map((slice) => slice.metadata.labels?.['multicluster.kubernetes.io/source-cluster'] ?? '').sort();
}

export async function clusterSetIp(walk: Walk, cluster: DemoCluster): Promise<string | undefined> {
  return (await cluster.api.get<ServiceImportObject>(ServiceImport, { namespace: NAMESPACE, name: 'checkout' }, walk.signal))?.spec.ips?.[0];
}

/** Import, address, derived Service and the serving cluster's slices, all there. */
async function imported(walk: Walk, cluster: DemoCluster, exporters: string): Promise<void> {
  const seen: Record<string, unknown> = {};
  await eventually(`${cluster.name} imports checkout from ${exporters}`, 5000, async () => {
    const object = await cluster.api.get<ServiceImportObject>(ServiceImport, { namespace: NAMESPACE, name: 'checkout' }, walk.signal);
    const derived = (await cluster.api.list<ServiceObject>(Service, { namespace: NAMESPACE, labelSelector: 'app.kubernetes.io/managed-by=isthmus-agent' }, walk.signal)).items;
    const sources = (await sliceSources(walk, cluster)).join();
    Object.assign(seen, { spec: object?.spec, status: object?.status, derived: derived.map((service) => service.spec?.clusterIP), sources });
    const ip = object?.spec.ips?.[0];
    return ip !== undefined && derived.length === 1 && derived[0]?.spec?.clusterIP === ip && sources === 'berlin'
      && object?.status?.clusters?.map((one) => one.cluster).sort().join() === exporters;
  }, () => seen);
}

export const services: Step = {
  name: 'services',
  title: 'A ServiceExport in two clusters becomes one service in all three; what no policy allows is refused',
  async run(walk) {
    await apply(walk.fleet.hub.api, ExportPolicy, 'shop', { clusters: { labels: { region: 'europe' } }, namespaces: ['shop'], services: ['checkout*'] }, walk.signal);
    const [berlin, oslo] = [walk.cluster('berlin'), walk.cluster('oslo')];
    for (const cluster of [berlin, oslo]) await provide(walk, cluster, 'checkout', true);
    const start = performance.now();
    await exportService(walk, berlin, 'checkout', 'v1alpha1');
    for (const cluster of walk.fleet.clusters) await imported(walk, cluster, 'berlin');
    const took = performance.now() - start;
    walk.measure('ServiceExport to last ServiceImport', took);
    walk.say(`three ServiceImports with their Services and slices ${Math.round(took)} ms after the export`);
    await exportService(walk, oslo, 'checkout', 'v1beta1');
    // The failover policy prefers berlin: both are known, and berlin's slices alone are served while it is healthy.
    for (const cluster of walk.fleet.clusters) await imported(walk, cluster, 'berlin,oslo');

    await provide(walk, oslo, 'ledger', true);
    await exportService(walk, oslo, 'ledger', 'v1beta1');
    const refused = await eventually('the export of ledger is refused as NotAllowed', 30_000, async () => {
      const valid = findCondition((await oslo.api.get<ServiceExportObject>(ServiceExport, { namespace: NAMESPACE, name: 'ledger' }, walk.signal))?.status?.conditions, 'Valid');
      // Before the agent has heard of the Service, the reason is NoService.
      return valid?.status === 'False' && valid.reason === 'NotAllowed' ? valid : undefined;
    });
    walk.say(`refused: ${refused.message}`);
    expect(await walk.cluster('virginia').api.get(ServiceImport, { namespace: NAMESPACE, name: 'ledger' }, walk.signal) === undefined, 'ledger is imported nowhere');
  },
  look: (walk) => [`kubectl --kubeconfig ${walk.cluster('virginia').kubeconfig} -n shop get serviceimports,services,endpointslices`],
};
