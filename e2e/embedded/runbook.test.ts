/** Executes docs/runbooks/identity.md, command by command, as it is printed: with a hub and the agents of two clusters as processes. */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { createMetrics } from '../../controller/adapters/metrics.ts';
import { CLUSTERS, seedCluster } from '../../controller/demo/clusters.ts';
import { freePort } from '../../controller/demo/free-port.ts';
import { NO_ETCD } from '../../controller/demo/steps/03-plan.ts';
import type { CertificateAuthorityObject } from '../../mesh/api/resources/authority.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { apiVersionOf, type ResourceDefinition } from '../../mesh/api/resources/define.ts';
import { CertificateAuthority, Cluster, Mesh, UpdateStrategy } from '../../mesh/api/resources/index.ts';
import { printed, stepsOf } from './page.ts';
import { type AgentProcess, ENTRY, fetchText, launch, type MemberApi, ROOT, startAgent, startMemberApi, temporaryFolder } from './hub-process.ts';

const PAGE = readFileSync(join(ROOT, 'docs/runbooks/identity.md'), 'utf8');
const never = new AbortController().signal;
const MEMBERS = CLUSTERS.slice(0, 2);

const steps = stepsOf(PAGE);

let hasKubectl = true;
try { execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' }); } catch { hasKubectl = false; }
if (!hasKubectl) console.log('the runbook of identity is not executed: there is no kubectl');

describe.skipIf(!hasKubectl)('docs/runbooks/identity.md', () => {
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder.path, name);
  const agents: Record<string, AgentProcess> = {};
  const apis: Record<string, MemberApi> = {};
  let hub: ReturnType<typeof launch>;
  let offline: ReturnType<typeof launch> | undefined;
  let client: ReturnType<typeof connectKubernetes>;
  let words: readonly string[] = [];
  let health = '';

  async function hubWords(kubeconfig: string, data: string, ...more: string[]): Promise<{ readonly words: readonly string[]; readonly health: string }> {
    const [api, gateway, at] = [await freePort(), await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`) as [string, string, string];
    return { words: ['hub', '--embedded', '--api-listen', api, '--write-kubeconfig', path(kubeconfig), '--data-dir', path(data), '--listen', gateway, '--advertise', gateway, '--health-listen', at, ...more], health: at };
  }
  async function until<T>(what: () => Promise<T | undefined | false>, running: () => string): Promise<T> {
    for (const giveUpAt = performance.now() + 60_000; performance.now() < giveUpAt;) {
      const found = await what().catch(() => undefined);
      if (found !== undefined && found !== false) return found;
      await new Promise((done) => { setTimeout(done, 50); });
    }
    throw new Error(`did not come to be: ${running().slice(-2000)}`);
  }
  async function startHub(): Promise<void> {
    hub = launch(words);
    await until(async () => (await fetchText(`http://${health}/readyz`)).status === 200, () => hub.printed().stderr);
  }
  async function startWithToken(cluster: string): Promise<void> {
    await agents[cluster]?.running.stop();
    agents[cluster] = await startAgent(folder.path, cluster, path(`${cluster}.kubeconfig`), readFileSync(path(`${cluster}.token`), 'utf8'));
  }

  /** What the charts do where there are nodes; the page shows the command, here processes are started. */
  const BY: Readonly<Record<string, () => Promise<void>>> = {
    'by start-berlin-with-token': () => startWithToken('berlin'),
    'by start-oslo-with-token': () => startWithToken('oslo'),
    'by start-both-with-token': async () => { await Promise.all([startWithToken('berlin'), startWithToken('oslo')]); },
    'by restart-hub-without-authority': async () => {
      await hub.stop();
      hub = launch(words);
      await until(async () => (await fetchText(`http://${health}/readyz`)).text.includes('Secret isthmus-system/isthmus-authority: is not there'), () => hub.printed().stderr);
    },
    'by restart-hub': async () => { await hub.stop(); await startHub(); },
    'by start-offline-hub': async () => {
      const made = await hubWords('offline.kubeconfig', 'offline', '--root=offline', '--root-certificates', path('root/root.crt.pem'));
      offline = launch(made.words);
      await until(async () => (await fetchText(`http://${made.health}/readyz`)).text.includes('has no issuing CA yet'), () => offline?.printed().stderr ?? '');
    },
  };

  const shell = (commands: string, kubeconfig: string): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> => new Promise((done) => {
    execFile('sh', ['-ec', commands], {
      cwd: folder.path, timeout: 90_000, env: { ...process.env, HOME: folder.path, KUBECONFIG: path(kubeconfig), PATH: [path('bin'), process.env['PATH'] ?? ''].join(delimiter) },
    }, (error, stdout, stderr) => { done({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }); });
  });

  beforeAll(async () => {
    mkdirSync(path('bin'));
    writeFileSync(path('bin/isthmus'), `#!/bin/sh\nexec "${process.execPath}" "${ENTRY}" "$@"\n`);
    chmodSync(path('bin/isthmus'), 0o755);
    ({ words, health } = await hubWords('hub.kubeconfig', 'hub'));
    await Promise.all([startHub(), ...MEMBERS.map(async (member) => {
      const api = await startMemberApi(folder.path, member.name);
      apis[member.name] = api;
      await seedCluster(api.client, member, never);
    })]);
    client = connectKubernetes({ kubeconfig: path('hub.kubeconfig'), userAgent: 'isthmus-test', metrics: createMetrics({ processMetrics: false }) });
    const make = (kind: ResourceDefinition, name: string, spec: object) => client.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name }, spec } as never, { fieldManager: 'test' }, never);
    await make(UpdateStrategy, 'quick', { stages: [{ name: 'all', clusters: {}, maxConcurrency: '100%', soakSeconds: 0 }], progressDeadlineSeconds: 60 });
    // Slow enough for a way back from Init.
    await make(UpdateStrategy, 'careful', { stages: [{ name: 'all', clusters: {}, maxConcurrency: 1, soakSeconds: 4 }], progressDeadlineSeconds: 60 });
    for (const { name } of MEMBERS) writeFileSync(path(`${name}.token`), (await shell(`isthmus join ${name} -o token`, 'hub.kubeconfig')).stdout);
    await Promise.all([startWithToken('berlin'), startWithToken('oslo')]);
    await make(Mesh, 'europe', { clusters: {}, strategy: 'quick', skips: NO_ETCD });
    await until(async () => (await client.list<ClusterObject>(Cluster, {}, never)).items.every(({ status }) => status?.trust !== undefined), () => hub.printed().stderr);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([...Object.values(agents).map(({ running }) => running.stop()), offline?.stop()]);
    await Promise.all([...Object.values(apis).map((api) => api.stop())]);
    await client.close();
    await hub.stop();
    folder.remove();
  });

  test('every block of it is one that is executed', () => {
    expect(steps.length).toBeGreaterThan(20);
    expect(steps.map(({ how }) => how).filter((how) => how !== '' && how !== 'offline' && !(how in BY))).toEqual([]);
    expect(PAGE.match(/^```sh/gm)).toHaveLength(steps.length);
    expect(PAGE.match(/^```text/gm)).toHaveLength(steps.filter(({ prints }) => prints !== '').length);
  });

  test.each(steps.map((step, index) => [`${index + 1} ${step.section}`, step] as const))('%s', async (_title, { how, commands, prints }) => {
    const played = BY[how];
    if (played !== undefined) { await played(); return; }
    const { status, stdout, stderr } = await shell(commands, how === 'offline' ? 'offline.kubeconfig' : 'hub.kubeconfig');
    expect(status, stderr).toBe(0);
    expect(stdout + stderr).not.toContain('PRIVATE KEY');
    if (prints !== '') expect(stdout).toMatch(printed(prints));
  }, 100_000);

  test('at its end everybody is connected, and believes the last root alone', async () => {
    const { stdout } = await shell('isthmus fleet query connected -o name && isthmus identity show', 'hub.kubeconfig');
    expect(stdout).toMatch(/berlin[\s\S]*oslo/);
    for (const { health: at } of Object.values(agents)) await until(async () => (await fetchText(`http://${at}/metrics`)).text.includes('\nisthmus_agent_trusted_roots 1\n'), () => hub.printed().stderr);
    expect(await client.get<CertificateAuthorityObject>(CertificateAuthority, { name: 'fleet' }, never)).toMatchObject({ spec: {}, status: { phase: 'Standby' } });
  });
});
