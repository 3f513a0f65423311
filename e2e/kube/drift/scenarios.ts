/**
 * What happens when two write the same object: an agent, and a person with kubectl, a tool that heals itself as Argo CD does, or a Helm upgrade.
 * The agent is a whole one on the machine's clock; its cluster is a server of its own, embedded or real; the hub says what a test has it say.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { assign, authorise, base64, exportCheckout, peering, peersSecret } from '../../../controller/agent/testing/scene.ts';
import { createWorld, type World } from '../../../controller/agent/testing/world.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { EndpointSlice, Namespace, Secret, type SecretObject, Service } from '../../../mesh/api/resources/core.ts';
import { ServiceExport } from '../../../mesh/api/resources/multicluster.ts';
import type { DriftEntry, DriftOverride } from '../../../mesh/model/desired.ts';
import { KubernetesError, type KubernetesObject, KubernetesUnreachable, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { findHelm, ROOT, run } from '../../charts/helm.ts';
import { CustomResourceDefinition } from '../apiserver.ts';
import { onPath } from '../assets.ts';

export interface Member { readonly kubeconfigPath: string; stop(): Promise<void> }

const signal = new AbortController().signal;
const helm = findHelm();
const kubectl = onPath('kubectl');
const PEERS = 'Secret kube-system/cilium-clustermesh';

async function until<T>(what: string, look: () => Promise<T | undefined | false> | T | undefined | false, milliseconds = 45_000): Promise<T> {
  let refused = '';
  for (const deadline = Date.now() + milliseconds; ; await sleep(50)) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      // A server that is busy may refuse a connection; whoever waits looks again.
      if (!(error instanceof KubernetesUnreachable)) throw new Error(`${what}: ${String(error)}`, { cause: error });
      refused = `; refused last at ${new Date().toISOString()}: ${error.message}`;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${milliseconds / 1000} s${refused}`);
  }
}

const definitions = (): readonly KubernetesObject[] => ['serviceexports', 'serviceimports'].map((name) => parse(readFileSync(join(ROOT, `charts/isthmus-agent/files/crds/${name}.yaml`), 'utf8')) as KubernetesObject);

export function driftScenarios(name: string, start: () => Promise<Member>): void {
  describe(`drift on ${name}`, () => {
    let member: Member;
    let client: ReturnType<typeof connectKubernetes>;
    let world: World;
    let folder: string;

    const ensure = async (kind: ResourceKind, object: KubernetesObject): Promise<void> => {
      await client.create(kind, object, { fieldManager: 'test' }, signal).catch((error: unknown) => { if (!(error instanceof KubernetesError && error.reason === 'AlreadyExists')) throw error; });
    };

    beforeAll(async () => {
      member = await start();
      folder = mkdtempSync(join(tmpdir(), 'isthmus-drift-'));
      client = connectKubernetes({ kubeconfig: member.kubeconfigPath, userAgent: 'isthmus-drift', metrics: fakeMetrics() });
      for (const definition of definitions()) await ensure(CustomResourceDefinition, definition);
      for (const namespace of ['shop', 'isthmus-system', 'kube-system']) await ensure(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      await until('the definitions are served', () => client.list(ServiceExport, {}, signal).then(() => true, () => false));
    });
    afterAll(async () => {
      await client?.close();
      await member?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    /** A mesh of berlin and oslo, and an agent in berlin that has written its peering. */
    beforeEach(async () => {
      world = await createWorld({ kubernetes: client, clock: { ...systemClock, advance: (milliseconds: number) => sleep(milliseconds), settle: () => sleep(20) } as unknown as World['clock'] });
      await world.start();
      // The Secret is there with the key of the join before the roots are.
      await until('the agent has its identity', async () => (await client.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-agent-identity' }, signal))?.data?.['ca.crt'] !== undefined);
      await assign(world, { peering: peering(['oslo', 'rome']) });
      await until('the agent is healthy', () => report()?.healthy === true);
      // It is well before the entries of peers that open themselves are there.
      await until('its peers are written', async () => await value('oslo') !== undefined && await value('rome') !== undefined);
    });
    afterEach(async () => {
      await world.stop();
      const everything: readonly (readonly [ResourceKind, string])[] = [[Secret, 'kube-system'], [Secret, 'isthmus-system'], [ServiceExport, 'shop'], [Service, 'shop'], [EndpointSlice, 'shop']];
      for (const [kind, namespace] of everything) for (const object of (await client.list(kind, { namespace }, signal)).items) await client.delete(kind, { namespace, name: object.metadata.name }, {}, signal);
    });

    const report = () => world.heard('AppliedReport', 'berlin');
    const drift = (path: string, actual?: string): Promise<DriftEntry> => until(`drift at ${path}`, () => report()?.drift.find((entry) => entry.path === path && (actual === undefined || entry.actual !== actual)));
    const noDrift = (): Promise<unknown> => until('no drift', () => report()?.healthy === true && report()?.drift.length === 0, 40_000);
    const value = async (key: string): Promise<string | undefined> => {
      const text = (await client.get<SecretObject>(Secret, peersSecret, signal))?.data?.[key];
      return text === undefined ? undefined : Buffer.from(text, 'base64').toString();
    };
    /** What the hub makes of a DriftDecision, brought by a run. */
    const decide = (action: DriftOverride['action'], { object, path, actual }: DriftEntry, decision: string, peers = ['oslo', 'rome']): Promise<string> =>
      assign(world, { peering: peering(peers), overrides: [{ object, path, action, actual, decision }] });
    const kubectlDoes = async (words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<string> => {
      const done = await run('env', [...Object.entries(environment).map(([key, text]) => `${key}=${text}`), kubectl ?? 'kubectl', '--kubeconfig', member.kubeconfigPath, ...words]);
      expect(done, done.stderr).toMatchObject({ status: 0 });
      return done.stdout;
    };

    describe.skipIf(kubectl === undefined)('a person with kubectl', () => {
      const edit = (to: string): Promise<string> => kubectlDoes(['edit', 'secret', '-n', 'kube-system', peersSecret.name], { KUBE_EDITOR: `sed -i -E "s#^(  oslo: ).*#\\1${base64(to)}#"` });

      test('edits a Secret of ours: it is told by whom and when, stays, and the rest follows new desired states', async () => {
        await edit('what I need');
        const entry = await drift('.data.oslo');
        expect(entry).toMatchObject({ object: PEERS, manager: 'kubectl-edit', actor: 'kubectl-edit (Update)', changedAt: expect.any(Number) });
        expect(JSON.stringify(report())).not.toContain('what I need');
        const next = await assign(world, { peering: peering(['oslo', 'rome', 'lima']) });
        await until('lima is a peer', () => value('lima'));
        expect(await value('oslo')).toBe('what I need');
        await until('all but the drift is in place', () => report()?.inPlaceButDrift === next);
      });

      test('has it accepted, and then taken back by an undo', async () => {
        await edit('better');
        const accepted = await decide('keep', await drift('.data.oslo'), 'accept-1');
        await until('the accepted state is applied', () => report()?.id === accepted && report()?.healthy === true && report()?.drift.length === 0, 40_000);
        expect(await value('oslo')).toBe('better');
        const before = await assign(world, { peering: peering(['oslo', 'rome']) });
        await until('ours stands again', async () => report()?.id === before && (await value('oslo'))?.includes('endpoints:'), 40_000);
      });

      test('has it reverted, but a change made after the decision stays', async () => {
        await edit('a mistake');
        const mistake = await drift('.data.oslo');
        await decide('overwrite', mistake, 'revert-1');
        await noDrift();
        expect(await value('oslo')).toContain('endpoints:');
        await edit('meant so');
        const newer = await drift('.data.oslo', mistake.actual);
        await decide('overwrite', mistake, 'revert-2');
        await sleep(2000);
        expect(await value('oslo')).toBe('meant so');
        expect(report()?.drift).toMatchObject([{ actual: newer.actual }]);
      });
    });

    describe('a tool that heals itself, as Argo CD does', () => {
      /** Re-applies its manifest with force whenever the object is not as it says, as soon as it sees that. */
      function selfHeal(kind: ResourceKind, object: KubernetesObject, differs: (actual: KubernetesObject | undefined) => boolean): { readonly healed: () => number; end(): Promise<void> } {
        let count = 0;
        let ended = false;
        const { namespace = '', name: objectName } = object.metadata;
        const healing = (async () => {
          for (; !ended; await sleep(250)) {
            if (!differs(await client.get(kind, { namespace, name: objectName }, signal))) continue;
            // Before the write: others see it sooner than its answer is here.
            count += 1;
            await client.patch(kind, { namespace, name: objectName }, object, { type: 'apply', fieldManager: 'argocd-controller', force: true }, signal);
          }
        })();
        return { healed: () => count, async end() { ended = true; await healing; } };
      }

      test('holds a Secret of ours: it is left alone, and named with its application', async () => {
        const argo = selfHeal(Secret, {
          apiVersion: 'v1', kind: 'Secret', metadata: { ...peersSecret, annotations: { 'argocd.argoproj.io/tracking-id': 'mesh:/Secret:kube-system/cilium-clustermesh' } }, data: { oslo: base64('from git') },
        } as KubernetesObject, (actual) => (actual as SecretObject | undefined)?.data?.['oslo'] !== base64('from git'));
        const first = await drift('.data.oslo');
        expect(first).toMatchObject({ manager: 'argocd-controller', actor: 'Argo CD mesh, as argocd-controller (Apply)' });
        // Each decision is carried out once; after a few rounds it is clear that this is a fight.
        for (let round = 0; round < 4; round += 1) {
          await decide('overwrite', first, `revert-${round}`);
          await sleep(1500);
        }
        expect(report()?.drift).toMatchObject([{ path: '.data.oslo', manager: 'argocd-controller', reason: 'Contended' }]);
        expect(argo.healed()).toBeGreaterThan(1);
        expect(argo.healed()).toBeLessThanOrEqual(5);
        const healed = argo.healed();
        await sleep(3000);
        expect(argo.healed()).toBe(healed);
        await argo.end();
      });

      test('fights over an EndpointSlice of ours: after three rounds it is named, and we wait instead of fighting', async () => {
        await exportCheckout(world);
        await until('the export is heard', () => world.heard('ExportFact', 'shop/checkout')?.endpoints.length === 1);
        authorise(world);
        const ours = { namespace: 'shop', labelSelector: 'app.kubernetes.io/managed-by=isthmus-agent' };
        const slice = await until('the slice is written', async () => (await client.list(EndpointSlice, ours, signal)).items[0]);
        const argo = selfHeal(EndpointSlice, {
          apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { namespace: 'shop', name: slice.metadata.name }, addressType: 'IPv4',
          endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true, serving: true, terminating: false } }], ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
        } as KubernetesObject, (actual) => actual !== undefined && !JSON.stringify(actual).includes('192.0.2.1'));
        const entry = await until('the fight is told', () => report()?.drift.find(({ reason }) => reason === 'Contended'));
        expect(entry).toMatchObject({ object: `EndpointSlice shop/${slice.metadata.name}`, path: '.endpoints', manager: 'argocd-controller' });
        const healed = argo.healed();
        await sleep(5000);
        expect(argo.healed()).toBe(healed);
        expect(healed).toBeLessThanOrEqual(4);
        await argo.end();
      });
    });

    describe.skipIf(helm === undefined)('a Helm upgrade', () => {
      /** As Cilium's own chart does with its values `clustermesh.config`: it renders the very Secret that we write. */
      function chart(value_: string): string {
        const at = join(folder, 'cilium');
        mkdirSync(join(at, 'templates'), { recursive: true });
        writeFileSync(join(at, 'Chart.yaml'), 'apiVersion: v2\nname: cilium\nversion: 1.18.12\n');
        writeFileSync(join(at, 'templates/secret.yaml'), `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${peersSecret.name}\n  namespace: kube-system\ndata:\n  oslo: ${base64(value_)}\n`);
        return at;
      }
      const upgrade = async (value_: string): Promise<void> => {
        const done = await run(helm ?? 'helm', ['upgrade', '--install', 'cilium', chart(value_), '--namespace', 'kube-system', '--take-ownership', '--kubeconfig', member.kubeconfigPath]);
        expect(done, done.stderr).toMatchObject({ status: 0 });
      };

      test('writes over a Secret of ours: the release is named, and is not written over; reverted once, the next upgrade is a new change', async () => {
        await upgrade('by the chart');
        const entry = await drift('.data.oslo');
        expect(entry).toMatchObject({ object: PEERS, manager: 'helm', actor: 'Helm kube-system/cilium, as helm (Update)' });
        await sleep(1000);
        expect(await value('oslo')).toBe('by the chart');
        await decide('overwrite', entry, 'revert-helm');
        await noDrift();
        expect(await value('oslo')).toContain('endpoints:');
        await upgrade('by the next chart');
        await drift('.data.oslo', entry.actual);
        expect(await value('oslo')).toBe('by the next chart');
      });

      test('that no longer renders what was taken over from it leaves it there', async () => {
        const ours = await until('oslo is a peer', () => value('oslo'));
        await assign(world, { mesh: null });
        await until('our Secret is gone', async () => await client.get(Secret, peersSecret, signal) === undefined);
        await upgrade(ours);
        const id = await assign(world, { peering: peering(['oslo']) });
        await until('it is taken over', () => report()?.id === id && report()?.healthy === true);
        const { metadata } = (await client.get<SecretObject>(Secret, peersSecret, signal))!;
        expect([metadata.labels?.['app.kubernetes.io/managed-by'], metadata.annotations?.['meta.helm.sh/release-name'], await value('oslo')]).toEqual(['Helm', 'cilium', ours]);
        writeFileSync(join(chart(ours), 'templates/secret.yaml'), '');
        const done = await run(helm ?? 'helm', ['upgrade', 'cilium', join(folder, 'cilium'), '--namespace', 'kube-system', '--kubeconfig', member.kubeconfigPath]);
        expect(done, done.stderr).toMatchObject({ status: 0 });
        await sleep(1000);
        expect([await value('oslo'), report()?.drift]).toEqual([ours, []]);
      });
    });
  });
}
