import { beforeEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { AccessPolicy, apiVersionOf, Cluster, FailoverPolicy, HUB_RESOURCES, Mesh, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { cloneCluster } from './clone.ts';

const OPTIONS = { to: 'prod-eu', output: 'diff', exact: false, apply: false, all: false } as const;
const make = ({ client, signal }: TestEnvironment, kind: (typeof HUB_RESOURCES)[number], name: string, labels: Record<string, string>, spec: unknown): Promise<KubernetesObject> =>
  client.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name, labels }, spec } as KubernetesObject, { fieldManager: 'test' }, signal);

interface Sketch { readonly labels: Record<string, string>; readonly clusterId: number; readonly podCidr: string; readonly version?: string }
async function joined(environment: TestEnvironment, name: string, { labels, clusterId, podCidr, version = '1.18.12' }: Sketch): Promise<void> {
  await make(environment, Cluster, name, labels, {});
  const at = '2030-01-01T00:00:00.000Z';
  await environment.client.patch(Cluster, { name }, { status: {
    identity: { spiffeId: `spiffe://bank.example/cluster/${name}`, certificateSerial: '01', issuer: 'CN=issuing', notAfter: at, joinedAt: at },
    cilium: { version, clusterName: name, clusterId, maxConnectedClusters: 255, podCidrs: [podCidr], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', endpoint: { address: `${name}.mesh.cilium.io`, port: 2379 } },
    kubernetesVersion: '1.35.2', agentVersion: '0.1.0', nodes: { total: 1, ready: 1 }, exports: name === 'staging-eu' ? ['shop/checkout'] : [],
  } }, { type: 'merge', fieldManager: 'test', subresource: 'status' }, environment.signal);
}

let environment: TestEnvironment;
beforeEach(async () => {
  environment = testEnvironment();
  await make(environment, UpdateStrategy, 'careful', {}, { stages: [{ name: 'canary', clusters: { labels: { stage: 'canary' } }, maxConcurrency: 1, soakSeconds: 60 }], progressDeadlineSeconds: 600 });
  await make(environment, Mesh, 'europe', {}, { clusters: { labels: { region: 'eu-*' }, exclude_labels: { team: ['payments'] } }, strategy: 'careful' });
  await joined(environment, 'staging-eu', { labels: { region: 'eu-west', stage: 'canary' }, clusterId: 1, podCidr: '10.1.0.0/16' });
  await joined(environment, 'prod-eu', { labels: { region: 'unset', stage: 'last' }, clusterId: 2, podCidr: '10.2.0.0/16' });
  await joined(environment, 'oslo', { labels: {}, clusterId: 3, podCidr: '10.3.0.0/16' });
});

const clone = (options: Partial<Parameters<typeof cloneCluster>[2]> = {}): Promise<void> => cloneCluster(environment, 'staging-eu', { ...OPTIONS, ...options });
const regionOf = async (name: string): Promise<string | undefined> => (await environment.client.get(Cluster, { name }, environment.signal))?.metadata.labels?.['region'];

test('reads as a change with its reasons, the run that follows, and what stays', async () => {
  await clone();
  expect(environment.printed()).toBe(`Cluster/prod-eu
- metadata.labels.region: unset
+ metadata.labels.region: eu-west
    Mesh europe looks at region

prod-eu then:
  joins Mesh europe

The hub would make a run of UpdateStrategy careful for 2 clusters:
  stage canary: staging-eu
  stage remaining: prod-eu

Not copied:
  labels stage: no mesh or export policy tells the two clusters apart by them
  UpdateStrategy careful, spec.stages.canary.clusters: when and how carefully prod-eu is updated is its own
  ServiceExports shop/checkout: are objects in staging-eu; make them in prod-eu where its Services run
  identity, Cilium's version, cluster id and pod CIDRs: belong to prod-eu: by its join and by how Cilium was installed there
`);
  expect(await regionOf('prod-eu')).toBe('unset');
});

test('as manifests: whole objects without anything of the server\'s, reasons as comments', async () => {
  await clone({ output: 'yaml' });
  const [comment = ''] = environment.printed().split('---\n');
  expect(comment.split('\n').filter((line) => line !== '').every((line) => line.startsWith('#'))).toBe(true);
  expect(comment).toContain('# Cluster prod-eu metadata.labels.region: Mesh europe looks at region\n');
  const documents = parseAllDocuments(environment.printed()).map((document) => document.toJS() as unknown);
  expect(documents).toEqual([{ apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name: 'prod-eu', labels: { region: 'eu-west', stage: 'last' } }, spec: {} }]);
});

test('--apply writes exactly that, with the reason, and cloning again asks for nothing', async () => {
  await clone({ apply: true, reason: 'moves next week' });
  const object = await environment.client.get<ClusterObject>(Cluster, { name: 'prod-eu' }, environment.signal);
  expect(object?.metadata).toMatchObject({ labels: { region: 'eu-west', stage: 'last' }, annotations: { 'isthmus.dev/reason': 'moves next week' } });
  expect(environment.complained()).toBe('Written: cluster.isthmus.dev/prod-eu. "isthmus run list" shows what follows.\n');
  const before = environment.printed().length;
  await clone();
  expect(environment.printed().slice(before)).toMatch(/^Nothing has to change\.\n/);
});

test('--dry-run=server asks the server and writes nothing', async () => {
  await clone({ dryRun: 'server', output: 'name' });
  expect(environment.printed()).toBe('cluster.isthmus.dev/prod-eu\n');
  expect(environment.complained()).toContain('The server would accept all of it (dry run)');
  expect(await regionOf('prod-eu')).toBe('unset');
});

describe('what is refused, and nothing is written', () => {
  test('pod CIDRs that overlap with a member\'s', async () => {
    await joined(environment, 'new-eu', { labels: {}, clusterId: 9, podCidr: '10.1.128.0/17' });
    await expect(clone({ to: 'new-eu', apply: true, reason: 'x' })).rejects.toThrow(/CidrOverlap|podCidrs overlap/);
    expect(environment.printed()).toContain('\nConflicts:\n  CidrOverlap: clusters new-eu and staging-eu: podCidrs overlap');
    expect(await regionOf('new-eu')).toBeUndefined();
  });
  test('a cluster id that is taken, and a Cilium too far apart: both are told', async () => {
    await joined(environment, 'old-eu', { labels: {}, clusterId: 1, podCidr: '10.9.0.0/16', version: '1.16.1' });
    await expect(clone({ to: 'old-eu' })).rejects.toThrow('2 conflicts stand in the way');
    expect(environment.printed()).toMatch(/ClusterIdConflict: [^\n]*\n {2}VersionSkew: /);
  });
  test('a change that gives every cluster a new state, without --all', async () => {
    await make(environment, FailoverPolicy, 'checkout', {}, { service: { namespace: 'shop', name: 'checkout' }, priority: ['staging-eu', 'oslo'] });
    await expect(clone({ apply: true, reason: 'x' })).rejects.toThrow('every one of the 3 clusters that have joined a new state, not prod-eu alone; nothing was written. Say --all');
    expect(await regionOf('prod-eu')).toBe('unset');
    await clone({ apply: true, reason: 'x', all: true });
    expect(await environment.client.get(FailoverPolicy, { name: 'checkout' }, environment.signal)).toMatchObject({ spec: { priority: ['staging-eu', 'prod-eu', 'oslo'] } });
  });
  test.each<[string, Parameters<typeof clone>[0], RegExp]>([
    ['without a reason', { apply: true }, /--reason TEXT/], ['an empty reason', { apply: true, reason: ' ' }, /--reason TEXT/],
    ['apply and dry run', { apply: true, reason: 'x', dryRun: 'server' }, /give one of them/],
    ['an unknown target', { to: 'atlantis' }, /there is no Cluster "atlantis"/], ['itself', { to: 'staging-eu' }, /is both source and target/],
  ])('%s', async (_, options, sentence) => {
    await expect(clone(options)).rejects.toThrow(sentence);
    expect(await regionOf('prod-eu')).toBe('unset');
  });
  test('an object that changed between plan and write', async () => {
    const { client } = environment;
    let patches = 0;
    const racing = { ...environment, connect: () => Promise.resolve({ ...client, patch: (async (...call: Parameters<typeof client.patch>) => {
      if ((patches += 1) === 2) await client.patch(Cluster, { name: 'prod-eu' }, { metadata: { labels: { team: 'payments' } } }, { type: 'merge', fieldManager: 'somebody' }, environment.signal);
      return client.patch(...call);
    }) as typeof client.patch }) };
    await expect(cloneCluster(racing, 'staging-eu', { ...OPTIONS, apply: true, reason: 'x' })).rejects.toThrow('Cluster prod-eu: it was changed meanwhile; plan anew; nothing was written');
    expect(await regionOf('prod-eu')).toBe('unset');
  });
});

test('AccessPolicies: what a label that moves opens is told, with the clusters that get another state; what they say of the source alone is not copied', async () => {
  const to = { service: { namespace: 'shop', name: 'checkout' }, clusters: { names: ['oslo'] } };
  await make(environment, AccessPolicy, 'checkout', {}, { mode: 'DefaultDeny', from: [{ clusters: { labels: { region: 'eu-*' } } }, { clusters: { names: ['staging-eu'] } }], to });
  await clone();
  const printed = environment.printed();
  expect(printed).toContain('is let in by AccessPolicy checkout (spec.from.0.clusters), which follows from a label above');
  expect(printed).toContain('AccessPolicy checkout, spec.from.1.clusters: lets in who comes from staging-eu and not prod-eu; who may reach what is granted by hand');
  expect(printed).toContain('for 3 clusters:');
  expect(printed).toContain('stage remaining: oslo, prod-eu');
});
