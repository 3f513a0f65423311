/** The thread of staged updates on four real kube-apiservers, by kubectl and the command line, with the rights of the charts alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { eventually } from '../../../controller/demo/eventually.ts';
import { ConfigMap } from '../../../mesh/api/resources/core.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { findHelm } from '../../charts/helm.ts';
import { CustomResourceDefinition, missingAssets } from '../apiserver.ts';
import { onPath } from '../assets.ts';
import { grantsOf, grantText, unusedGrants } from '../grants.ts';
import { prepareUpstream } from '../upstream/prepare.ts';
import { approval, asYaml, bundle, configMap, type Fields, hook, inTurn, networking, routes, run, strategy } from './contents.ts';
import { Application, CapiCluster, HelmRelease } from './hands.ts';
import { contentsOfAll, ended, jobs, never, PATIENCE_MILLISECONDS, read, readRun, runIs, statusOf } from './look.ts';
import { type Person, type Place, Route, routeDefinition, startPlace } from './place.ts';

const helm = findHelm() ?? '';
const missing = missingAssets() ?? (helm === '' ? 'helm is neither in KUBEBUILDER_ASSETS nor on PATH' : onPath('kubectl') === undefined ? 'kubectl is not on PATH' : undefined);
if (missing !== undefined) console.log(`staged updates are not tried on real kube-apiservers: ${missing}`);

/** Rights about updates that need not be used here. */
const NOT_HERE: Readonly<Record<string, string>> = {
  'update updatestrategies/status.isthmus.dev * in *': 'said of strategies whose selectors mean nothing, and there are none',
  'create updateruns.isthmus.dev * in *': 'made after edits of a Mesh, and by channels, and there are none',
  'delete updateruns.isthmus.dev * in *': 'of ended runs that have stood for long, and these are young',
  'delete approvals.isthmus.dev * in *': 'of what was said of runs that are no more, long ago',
  'delete windowoverrides.isthmus.dev * in *': 'of what was said of runs that are no more, long ago',
};

const NAMES = ['berlin', 'oslo', 'virginia'];
const KEY = 'rest/before/lead';

describe.skipIf(missing !== undefined)('staged updates on real kube-apiservers', () => {
  let place: Place;
  const create = async (who: Person | 'admin', ...objects: readonly Fields[]): Promise<string> => {
    const { status, stdout, stderr } = await place.kubectl(who, ['create', '-f', '-'], asYaml(...objects));
    expect(status, stderr).toBe(0);
    return stdout;
  };
  const refused = async (who: Person, ...objects: readonly Fields[]): Promise<string> => {
    const { status, stdout, stderr } = await place.kubectl(who, ['create', '-f', '-'], asYaml(...objects));
    expect(status, stdout).not.toBe(0);
    return stderr;
  };

  /** Runs `isthmus … -o name` as ann; the name of the run that it makes. */
  const made = async (...words: readonly string[]): Promise<string> => {
    const { status, stdout, stderr } = await place.isthmus('ann', ...words, '-o', 'name');
    expect(status, stderr).toBe(0);
    return stdout.trim().replace(/^.*\//, '');
  };

  beforeAll(async () => {
    const problem = await prepareUpstream();
    if (problem !== undefined) console.log(`no part is tried for HelmRelease and Cluster: ${problem}`);
    const start = performance.now();
    // An older definition there allows less.
    place = await startPlace({ helm, oldest: { virginia: 60 }, published: problem === undefined });
    await Promise.all(place.fleet.clusters.map(async ({ name, labels, startAgent }) => {
      const made = await place.isthmus('admin', 'join', name, ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]), '-o', 'token');
      expect(made.status, made.stderr).toBe(0);
      await startAgent(made.stdout.trim());
    }));
    await eventually('three clusters are connected', PATIENCE_MILLISECONDS, async () =>
      (await place.kubectl('ben', ['get', 'clusters.isthmus.dev', '-o', 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Connected")].status} {end}'])).stdout.trim() === 'True True True');
    console.log(`started in ${Math.round(performance.now() - start)} ms`);
  });
  afterAll(async () => { await place?.stop(); });

  describe('a canary, a person\'s word, and the rest', () => {
    test('after the canary the run waits for somebody who did not ask for it', async () => {
      expect(await create('ann', networking('1.0.0', place.published), strategy('canary-then-rest'))).toBe('bundle.isthmus.dev/networking-1.0.0 created\nupdatestrategy.isthmus.dev/canary-then-rest created\n');
      const asked = { bundle: 'networking-1.0.0', strategyName: 'canary-then-rest' };
      expect(await refused('ann', run('in-cleos-name', { by: 'cleo', ...asked }))).toContain('spec.requestedBy is cleo, and you are ann');
      expect(await refused('ben', run('by-ben', { by: 'ben', ...asked }))).toMatch(/Forbidden.*"ben" cannot create resource "updateruns"/);
      const before = await contentsOfAll(place);
      expect(await create('ann', run('networking-1', { by: 'ann', ...asked }))).toBe('updaterun.isthmus.dev/networking-1 created\n');
      const waiting = await runIs(place, 'networking-1', 'waits at its gate', ({ gates }) => gates?.some(({ name, phase }) => name === KEY && phase === 'Waiting') === true);
      expect(waiting).toMatchObject({ phase: 'Waiting', counts: { total: 3, done: 1, inFlight: 0, failed: 0 } });
      const now = await contentsOfAll(place);
      expect([now['oslo'], now['virginia']]).toEqual([before['oslo'], before['virginia']]);
      expect(now['berlin']).not.toEqual(before['berlin']);
    });

    test('the author and who has no role do not count, and a second person does', async () => {
      await create('ann', approval('her-own', 'networking-1', KEY, 'ann'));
      await eventually('the hub says that it does not count', PATIENCE_MILLISECONDS, async () =>
        (await place.kubectl('ann', ['get', 'approvals', 'her-own', '--no-headers'])).stdout.includes('NotTheAuthor'));
      expect(await refused('ben', approval('bens', 'networking-1', KEY, 'ben'))).toMatch(/Forbidden.*"ben" cannot create resource "approvals"/);
      expect(await refused('cleo', approval('in-dans-name', 'networking-1', KEY, 'dan'))).toContain('spec.approver is dan, and you are cleo');
      expect((await readRun(place, 'networking-1'))?.status?.phase).toBe('Waiting');
      expect(await create('cleo', approval('cleos', 'networking-1', KEY, 'cleo'))).toBe('approval.isthmus.dev/cleos created\n');
      expect(await ended(place, 'networking-1')).toMatchObject({ phase: 'Completed', counts: { total: 3, done: 3 }, gates: [{ name: KEY, phase: 'Passed', approvedBy: ['cleo'] }] });
    });

    test('every cluster has the values on each way, the topology, the objects, and ran the hook once', async () => {
      const relay = { hubble: { relay: { enabled: true } } };
      for (const name of NAMES) {
        expect((await read(place, name, Application, 'argocd', 'cilium'))?.['spec']).toMatchObject({ source: { chart: 'cilium', helm: { valuesObject: relay } } });
        expect((await read(place, name, ConfigMap, 'shop', 'cilium-settings'))?.['data']).toEqual({ 'theirs': 'true', 'hubble-relay': 'true' });
        expect((await read(place, name, ConfigMap, 'shop', 'networking'))?.['data']).toEqual({ version: '1.0.0' });
        expect(await jobs(place, name, 'check-')).toHaveLength(1);
        if (place.published.has('HelmRelease')) expect((await read(place, name, HelmRelease, 'kube-system', 'cilium'))?.['spec']).toMatchObject({ values: { theirs: true, ...relay } });
        if (place.published.has('Cluster')) expect((await read(place, name, CapiCluster, 'fleet', 'workload'))?.['spec']).toMatchObject({ topology: { version: 'v1.35.0', controlPlane: { replicas: 3 } } });
      }
    });

    test('kubectl and the command line say the same of it', async () => {
      const told = await statusOf(place, 'networking-1');
      expect(told.targets.map(({ cluster, stage, phase }) => [cluster, told.stages[stage], phase])).toEqual([['berlin', 'canary', 'Done'], ['oslo', 'rest', 'Done'], ['virginia', 'rest', 'Done']]);
      const object = parse((await place.kubectl('ben', ['get', 'updateruns', 'networking-1', '-o', 'yaml'])).stdout) as typeof told.run;
      expect(told.run.status).toEqual(object.status);
      expect(told.run.spec).toEqual(object.spec);
      const [, row = ''] = (await place.kubectl('ben', ['get', 'updateruns', '-o', 'wide'])).stdout.split('\n');
      expect(row).toMatch(/^networking-1 +Completed +(\S+ +)?3 +3 /);
      expect(row).toContain(object.status?.message);
      await eventually('Kubernetes events tell it', PATIENCE_MILLISECONDS, async () =>
        /Normal +Completed +updaterun\/networking-1 +3 of 3 clusters done/i.test((await place.kubectl('admin', ['get', 'events', '-n', 'default'])).stdout));
      const assigned = told.journal.filter(({ event }) => event === 'Assigned').map(({ cluster }) => cluster);
      expect(assigned).toEqual(NAMES);
    });
  });

  describe('what one API server alone refuses', () => {
    let first: Readonly<Record<string, unknown>>;
    const atFault = /Route shop\/checkout.*spec\.timeoutSeconds: Invalid value: 1[28]0: .*less than or equal to 60/;

    test('that cluster fails, with object, field and value, and goes back alone', async () => {
      await create('ann', routes('1.0.0', 30), routes('2.0.0', 120), routes('3.0.0', 180));
      await create('ann', run('routes-1', { by: 'ann', bundle: 'routes-1.0.0', strategy: inTurn('Stop') }));
      expect(await ended(place, 'routes-1')).toMatchObject({ phase: 'Completed' });
      first = await contentsOfAll(place);
      await create('ann', run('routes-2', { by: 'ann', bundle: 'routes-2.0.0', strategy: inTurn('RollBackCluster') }));
      const end = await ended(place, 'routes-2');
      const told = await statusOf(place, 'routes-2');
      const virginia = told.targets.find(({ cluster }) => cluster === 'virginia');
      expect(virginia?.message).toMatch(atFault);
      expect(Object.fromEntries(told.targets.map(({ cluster, phase }) => [cluster, phase]))).toEqual({ berlin: 'Done', oslo: 'Done', virginia: 'RolledBack' });
      expect(end.counts).toMatchObject({ done: 2, total: 3 });
      expect(told.journal.filter(({ event }) => event === 'Failed').map(({ cluster }) => cluster)).toEqual(['virginia']);
      const now = await contentsOfAll(place);
      expect(now['virginia']).toEqual(first['virginia']);
      expect((await read(place, 'oslo', Route, 'shop', 'checkout'))?.['spec']).toMatchObject({ timeoutSeconds: 120 });
    });

    test('the whole run goes back, and all clusters read as before', async () => {
      const before = await contentsOfAll(place);
      await create('ann', run('routes-3', { by: 'ann', bundle: 'routes-3.0.0', strategy: inTurn('RollBackRun') }));
      expect(await ended(place, 'routes-3')).toMatchObject({ phase: 'RolledBack', message: expect.stringMatching(/virginia/) });
      expect(await contentsOfAll(place)).toEqual(before);
    });

    test('once the cause is gone it is tried again, and can be taken back', async () => {
      const before = await contentsOfAll(place);
      await place.cluster('virginia').api.patch(CustomResourceDefinition, { name: 'routes.example.org' }, { spec: routeDefinition(3600)['spec' as keyof object] }, { type: 'merge', fieldManager: 'owner' }, never);
      const retry = await made('run', 'retry', 'routes-3', '--reason', 'virginia has the new definition');
      expect(await ended(place, retry)).toMatchObject({ phase: 'Completed', counts: { done: 3 } });
      for (const name of NAMES) expect((await read(place, name, Route, 'shop', 'checkout'))?.['spec']).toMatchObject({ timeoutSeconds: 180 });
      expect(await ended(place, await made('run', 'undo', retry, '--reason', 'a test'))).toMatchObject({ phase: 'Completed' });
      expect(await contentsOfAll(place)).toEqual(before);
    });
  });

  describe('a closed window, and a person who edits', () => {
    const windowed = (name: string) => ({ apiVersion: 'isthmus.dev/v1alpha1', kind: 'ChangeWindow', metadata: { name }, spec: { kind: 'Deny', clusters: { names: ['oslo'] }, period: { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' }, packages: ['banner'], reason: 'the fair' } });
    const override = (name: string, by: string) => ({ apiVersion: 'isthmus.dev/v1alpha1', kind: 'WindowOverride', metadata: { name }, spec: { run: 'banner-1', reason: 'it leaks', requestedBy: by, expiresAt: new Date(Date.now() + 3_600_000).toISOString() } });
    const banner = (version: string) => bundle('banner', version, [{ name: 'banner', manifests: [configMap('banner', { text: version, kept: 'x' })] }]);

    test('one cluster waits for its window, and the others do not wait for it', async () => {
      await create('admin', windowed('fair'));
      await create('ann', banner('1.0.0'), banner('2.0.0'), run('banner-1', { by: 'ann', bundle: 'banner-1.0.0', strategy: inTurn('Stop', 'oslo') }));
      const waiting = await runIs(place, 'banner-1', 'waits for the window', ({ counts, phase }) => counts.done === 2 && phase === 'Waiting');
      expect(waiting.message).toMatch(/oslo/);
      expect(await read(place, 'oslo', ConfigMap, 'shop', 'banner')).toBeUndefined();
    });

    test('what a person edits meanwhile is reported, and stays', async () => {
      const edited = await place.kubectlIn('berlin', ['patch', 'configmap', 'banner', '-n', 'shop', '--type=merge', '-p', '{"data":{"text":"closed"}}']);
      expect(edited.status, edited.stderr).toBe(0);
      const line = await eventually('the hub reports the edit', PATIENCE_MILLISECONDS, async () => {
        const { stdout } = await place.kubectl('ben', ['get', 'clusters.isthmus.dev', 'berlin', '-o', 'jsonpath={range .status.drift[*]}{.object} {.path} {.manager}{"\\n"}{end}']);
        return stdout.includes('banner') ? stdout : undefined;
      });
      expect(line).toMatch(/ConfigMap shop\/banner \.data\.text kubectl-patch/);
    });

    test('who has the role lets the run pass', async () => {
      expect(await refused('ben', override('bens', 'ben'))).toMatch(/Forbidden.*"ben" cannot create resource "windowoverrides"/);
      await create('dan', override('dans', 'dan'));
      expect(await ended(place, 'banner-1')).toMatchObject({ phase: expect.stringMatching(/^Completed/), counts: { done: 3 } });
      expect((await read(place, 'oslo', ConfigMap, 'shop', 'banner'))?.['data']).toEqual({ text: '1.0.0', kept: 'x' });
    });

    test('the next version does not go over what the person wrote', async () => {
      await create('ann', run('banner-2', { by: 'ann', bundle: 'banner-2.0.0', clusters: ['berlin', 'virginia'], strategy: { name: 'all', progressDeadlineSeconds: 30, stages: [{ name: 'all', clusters: {}, maxConcurrency: 2 }] } }));
      expect(await ended(place, 'banner-2')).toMatchObject({ counts: { total: 2, done: 1, skipped: 1 } });
      const { targets } = await statusOf(place, 'banner-2');
      expect(targets.find(({ cluster }) => cluster === 'berlin')).toMatchObject({ phase: 'Skipped', message: expect.stringMatching(/^held back before its turn: .*ConfigMap shop\/banner/) });
      expect((await read(place, 'berlin', ConfigMap, 'shop', 'banner'))?.['data']).toEqual({ text: 'closed', kept: 'x' });
      expect((await read(place, 'virginia', ConfigMap, 'shop', 'banner'))?.['data']).toEqual({ text: '2.0.0', kept: 'x' });
    });

    test('until the person gives it up', async () => {
      const given = await place.kubectlIn('berlin', ['annotate', 'configmap', 'banner', '-n', 'shop', 'isthmus.dev/drift=revert']);
      expect(given.status, given.stderr).toBe(0);
      await eventually('the hub knows that it is given up', PATIENCE_MILLISECONDS, async () => (await place.kubectl('ben', ['get', 'clusters.isthmus.dev', 'berlin', '-o', 'jsonpath={.status.drift}'])).stdout.trim().replace('[]', '') === '');
      expect(await ended(place, await made('run', 'retry', 'banner-2', '--reason', 'the shop is open'))).toMatchObject({ phase: 'Completed', counts: { total: 1, done: 1 } });
      expect((await read(place, 'berlin', ConfigMap, 'shop', 'banner'))?.['data']).toEqual({ text: '2.0.0', kept: 'x' });
    });
  });

  describe('with a hub and agents that are killed', () => {
    const names = Array.from({ length: 40 }, (_, index) => `many-${index}`);
    const left = async (name: string): Promise<readonly unknown[]> => (await place.cluster(name).api.list<KubernetesObject & { readonly data: object }>(ConfigMap, { namespace: 'shop' }, never)).items.filter(({ metadata }) => names.includes(metadata.name)).map(({ data }) => data);

    test('the end is the same, and each hook ran once', async () => {
      place.rests.add('Job');
      await create('ann', bundle('many', '1.0.0', [{ name: 'many', manifests: names.map((name) => configMap(name, { of: '40' })) }, hook('after')]));
      await create('ann', run('many-1', { by: 'ann', bundle: 'many-1.0.0', strategy: { name: 'two', progressDeadlineSeconds: 120, stages: [{ name: 'all', clusters: {}, maxConcurrency: 2 }] } }));
      // berlin: as soon as it has begun to write. oslo: while its hook runs.
      await eventually('berlin begins', PATIENCE_MILLISECONDS, async () => (await left('berlin')).length > 0);
      await place.cluster('berlin').agent?.kill('SIGKILL');
      console.log(`berlin had written ${(await left('berlin')).length} of ${names.length} objects when its agent was killed`);
      await eventually('oslo runs its hook', PATIENCE_MILLISECONDS, async () => (await jobs(place, 'oslo', 'after-')).length > 0);
      await Promise.all([place.fleet.hub.process.kill('SIGKILL'), place.cluster('oslo').agent?.kill('SIGKILL')]);
      expect((await readRun(place, 'many-1'))?.status?.phase).toBe('Running');
      await Promise.all([place.fleet.hub.start(), place.cluster('berlin').startAgent(), place.cluster('oslo').startAgent()]);
      place.rests.delete('Job');
      expect(await ended(place, 'many-1')).toMatchObject({ phase: 'Completed', counts: { done: 3 } });
      for (const name of NAMES) {
        expect(await jobs(place, name, 'after-'), `hooks of ${name}`).toHaveLength(1);
        expect(await left(name), name).toEqual(names.map(() => ({ of: '40' })));
      }
      const { journal } = await statusOf(place, 'many-1');
      expect(journal.filter(({ event }) => event === 'Assigned').map(({ cluster }) => cluster).toSorted()).toEqual(NAMES);
    });

    test('taken back, nothing of it is left', async () => {
      expect(await ended(place, await made('run', 'undo', 'many-1', '--reason', 'a test'))).toMatchObject({ phase: 'Completed', counts: { done: 3 } });
      for (const name of NAMES) expect(await left(name), name).toEqual([]);
    });
  });

  test('rights about bundles, approvals and windows are all used, and nothing was refused', () => {
    for (const [name, { audit, objects }] of Object.entries(place.apis)) {
      const requests = audit.read();
      expect(requests.filter(({ status }) => status === 401 || status === 403).map(({ verb, resource, namespace, name: object }) => `${verb} ${resource} ${namespace}/${object}`), name).toEqual([]);
      // `get` of our own kinds: read again after someone else wrote at the same moment.
      const about = grantsOf(objects).filter(({ verb, group }) => !(verb === 'get' && group === 'isthmus.dev')).filter(({ resource, namespace }) => /^(approvals|bundles|changewindows|windowoverrides|updateruns|updatestrategies)/.test(resource) || (resource === 'configmaps' && namespace === 'isthmus-system'));
      expect(about.length, name).toBeGreaterThan(3);
      expect(unusedGrants(about, requests).map(grantText).filter((text) => !(text in NOT_HERE)), name).toEqual([]);
    }
    expect(place.surprises).toEqual([]);
  });
});
