/** Signed bundles and channels on a real kube-apiserver, by a hub process with no more rights than its chart gives. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signBundle } from '../../certs/index.ts';
import { type ConnectedKubernetes, connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import type { BundleObject, ChannelObject } from '../../mesh/api/resources/bundle.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { apiVersionOf, Bundle, Channel, Cluster, type ResourceDefinition, UpdateRun } from '../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../mesh/api/resources/updates.ts';
import { bundleText } from '../../mesh/bundle/digest.ts';
import { readBundleSpec } from '../../mesh/bundle/spec.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { findHelm } from '../charts/helm.ts';
import { type HubProcess, startHub } from '../embedded/hub-process.ts';
import { missingAssets } from './apiserver.ts';
import { type RestrictedApi, startRestricted } from './restricted.ts';

const helm = findHelm() ?? '';
const missing = missingAssets() ?? (helm === '' ? 'helm, which renders the chart\'s roles, is neither in KUBEBUILDER_ASSETS nor on PATH' : undefined);
if (missing !== undefined) console.log(`channels are not tried on a real kube-apiserver: ${missing}`);

const PATIENCE = { timeout: 75_000 };
const SPEC = { package: 'shop', version: '1.0.0', parts: [{ name: 'settings', manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'shop' }, data: { a: 'b' } }] }] };

describe.skipIf(missing !== undefined)('channels on a real kube-apiserver', () => {
  const signal = new AbortController().signal;
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  let api: RestrictedApi;
  let admin: ConnectedKubernetes;
  let folder: string;
  let hub: HubProcess;
  const make = <T extends KubernetesObject>(kind: ResourceDefinition, name: string, spec: object): Promise<T> =>
    admin.create<T>(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as unknown as T, { fieldManager: 'test' }, signal);
  const condition = async (kind: ResourceDefinition, name: string, type: string) =>
    (await admin.get<BundleObject | ChannelObject>(kind, { name }, signal))?.status?.conditions?.find((one) => one.type === type);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-channels-'));
    api = await startRestricted({ helm, chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com:8443', '--set', 'inventory.discover=false', '--set', 'inventory.clusterProfiles=false'] });
    admin = connectKubernetes({ kubeconfig: api.admin, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    writeFileSync(join(folder, 'keys.yaml'), stringify({ threshold: 1, keys: [{ keyid: 'ann', publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }) }] }));
    const cluster = await make<ClusterObject>(Cluster, 'oslo', {});
    const identity = { spiffeId: 'spiffe://isthmus.local/cluster/oslo', certificateSerial: '1', issuer: 'test', notAfter: '2100-01-01T00:00:00Z', joinedAt: '2026-01-01T00:00:00Z' };
    await admin.update(Cluster, { ...cluster, status: { identity } }, { fieldManager: 'test', subresource: 'status' }, signal);
    hub = await startHub(folder, { kubeconfig: api.restricted, flags: ['--no-cluster-profiles', '--no-discover', '--bundle-keys', join(folder, 'keys.yaml')] });
  });
  afterAll(async () => {
    await hub?.stop();
    await admin?.close();
    await api?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('what is not signed is held back, by name and reason, until it is', async () => {
    const bundle = await make<BundleObject>(Bundle, 'shop-1', SPEC);
    await make(Channel, 'staging', { package: 'shop', clusters: {}, autoUpdate: {} });
    await expect.poll(() => condition(Bundle, 'shop-1', 'Verified'), PATIENCE).toMatchObject({ status: 'False', message: '0 of 1 signatures that are needed count; it is not signed; until then no run brings it' });
    await expect.poll(() => condition(Channel, 'staging', 'Blocked'), PATIENCE).toMatchObject({ status: 'True', reason: 'NotUsable' });
    expect((await admin.list(UpdateRun, {}, signal)).items).toEqual([]);

    const signature = signBundle(bundleText(readBundleSpec(bundle.spec).content!), privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 'ann');
    const now = (await admin.get<BundleObject>(Bundle, { name: 'shop-1' }, signal))!;
    await admin.update(Bundle, { ...now, spec: { ...now.spec, signatures: [signature] } }, { fieldManager: 'test' }, signal);
    await expect.poll(() => condition(Bundle, 'shop-1', 'Verified'), PATIENCE).toMatchObject({ status: 'True', message: 'signed by ann; 1 needed' });
  });

  test('the channel\'s run is made in the hub\'s own name, which the API server lets nobody else take', async () => {
    await expect.poll(async () => (await admin.list<UpdateRunObject>(UpdateRun, {}, signal)).items.map(({ metadata, spec }) => [metadata.name, spec.requestedBy, spec.bundle?.name]), PATIENCE).toEqual([['channel-staging-1', 'isthmus-hub', 'shop-1']]);
    await expect.poll(() => condition(Channel, 'staging', 'Promoted'), PATIENCE).toMatchObject({ status: 'False', reason: 'OnItsWay', message: 'run channel-staging-1 is on its way; 1 of 1 clusters are not on shop 1.0.0' });
    await expect(make(UpdateRun, 'forged', { strategyName: 'default', bundle: { name: 'shop-1', clusters: {}, all: true }, reason: 'a test', requestedBy: 'isthmus-hub' })).rejects.toThrow(/requestedBy/);
  });

  test('the hub asks for nothing that its chart does not grant', async () => {
    await hub.stop();
    const refused = api.audit.read().filter(({ status }) => status === 401 || status === 403);
    expect(refused.map(({ verb, resource, name }) => `${verb} ${resource} ${name}`)).toEqual([]);
  });
});
