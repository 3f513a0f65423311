/** Executes docs/tutorials/peer-two-clusters.md as it is printed, but for what needs nodes: there Helm renders our charts, and agents start as processes with the tokens of the page. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { EndpointSlice } from '../../mesh/api/resources/core.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { findHelm } from '../charts/helm.ts';
import { type AgentProcess, ENTRY, ROOT } from '../embedded/hub-process.ts';
import { printed, type Step, stepsOf } from '../embedded/page.ts';
import { onPath } from '../kube/assets.ts';
import { endpoint } from './scene.ts';
import { MEMBERS, missingWorld, startWorld, type World } from './world.ts';

const PAGE = readFileSync(join(ROOT, 'docs/tutorials/peer-two-clusters.md'), 'utf8');
const steps = stepsOf(PAGE);
/** How blocks are executed beside which something is done that controllers and kubelets do where there are nodes. */
const BESIDE = ['engine agents', 'pods'] as const;
const needsEngine = ({ how }: Step): boolean => how.startsWith('engine');
const AGAIN_MILLISECONDS = 240_000;
const ONCE_MILLISECONDS = 200_000;
const PAUSE_MILLISECONDS = 3000;

const missing = missingWorld() ?? (onPath('kubectl') === undefined ? 'there is no kubectl' : undefined);
console.log(missing === undefined
  ? `of the tutorial's ${steps.length} blocks ${steps.filter(needsEngine).length} need a container engine: of these Helm renders our charts, and nothing else is executed`
  : `the tutorial is not executed: ${missing}`);

/** In the place of what needs an engine. Helm does with our charts all that needs no cluster. */
const STAND_INS = {
  helm: `#!/bin/sh
case "$4" in charts/*) ;; *) exit 0;; esac
[ "$1 $2" = "upgrade --install" ] || exit 3
shift 2
exec "${findHelm()}" template "$@" > /dev/null
`,
  ...Object.fromEntries(['npm', 'docker', 'kind', 'kubectl'].map((name) => [name, '#!/bin/sh\n[ -t 0 ] || cat > /dev/null\n'])),
};

test('every block of it is one that is executed, or says that it needs an engine', () => {
  expect(steps.map(({ how }) => how).filter((how) => !['', 'again', 'red', 'engine', ...BESIDE].includes(how))).toEqual([]);
  expect(steps.filter(({ commands }) => commands.startsWith('# needs a container engine\n'))).toEqual(steps.filter(needsEngine));
  expect(PAGE.match(/^```sh/gm)).toHaveLength(steps.length);
  expect(PAGE.match(/^```text/gm)).toHaveLength(steps.filter(({ prints }) => prints !== '').length);
});

test('has the values of Cilium that the suite on kind has', () => {
  const values = parse(/^cat > cilium\.yaml <<END\n([\s\S]*?)^END$/m.exec(PAGE)?.[1] ?? '') as { clustermesh: { apiserver: object } };
  const onKind = parse(readFileSync(join(ROOT, 'e2e/kind/values.yaml'), 'utf8')) as typeof values;
  const { kvstoremesh: _, ...apiserver } = onKind.clustermesh.apiserver as { readonly kvstoremesh: unknown };
  expect(values).toEqual({ ...onKind, clustermesh: { ...onKind.clustermesh, apiserver } });
});

interface Context { readonly clusters: readonly { readonly cluster: object }[]; readonly users: readonly { readonly user: object }[] }

/** One with a context for each, as `kind` and the page make it; the first is the current one. */
function kubeconfigOf(files: Readonly<Record<string, string>>): string {
  const contexts = Object.entries(files).map(([name, file]) => ({ name, ...parse(readFileSync(file, 'utf8')) as Context }));
  return stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': contexts[0]?.name,
    clusters: contexts.map(({ name, clusters }) => ({ name, cluster: clusters[0]?.cluster })),
    users: contexts.map(({ name, users }) => ({ name, user: users[0]?.user })),
    contexts: contexts.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
  });
}

describe.skipIf(missing !== undefined)('docs/tutorials/peer-two-clusters.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-tutorial-'));
  const path = (name: string): string => join(folder, name);
  const agents: AgentProcess[] = [];
  let world: World;
  let broken = false;

  const executable = (file: string, text: string): void => { writeFileSync(file, text); chmodSync(file, 0o755); };
  const shell = (commands: string, folders: readonly string[]): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> => new Promise((done) => {
    const child = execFile('sh', ['-ec', commands], {
      cwd: folder, timeout: ONCE_MILLISECONDS, env: { ...process.env, HOME: folder, KUBECONFIG: path('kubeconfig'), PATH: [...folders.map(path), process.env['PATH'] ?? ''].join(delimiter) },
    }, (error, stdout, stderr) => { done({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }); });
    child.stdin?.end();
  });

  const beside: Readonly<Record<(typeof BESIDE)[number], () => Promise<void>>> = {
    'engine agents': async () => {
      agents.push(...await Promise.all(world.clusters.map((cluster) => world.joins(cluster, /join\.token=(\S+)/.exec(readFileSync(path(`join-${cluster.name}.sh`), 'utf8'))?.[1]))));
    },
    pods: async () => {
      await world.clusters[0]?.api.create(EndpointSlice, {
        apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { namespace: 'shop', name: 'checkout-1', labels: { 'kubernetes.io/service-name': 'checkout' } }, addressType: 'IPv4',
        endpoints: [endpoint('10.10.0.11')], ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      } as KubernetesObject, { fieldManager: 'test' }, world.signal);
    },
  };

  beforeAll(async () => {
    for (const name of ['bin', 'stand-ins']) mkdirSync(path(name));
    executable(path('bin/isthmus'), `#!/bin/sh\nexec "${process.execPath}" "${ENTRY}" "$@"\n`);
    for (const [name, text] of Object.entries(STAND_INS)) executable(path(join('stand-ins', name)), text);
    symlinkSync(join(ROOT, 'charts'), path('charts'));
    world = await startWorld(MEMBERS.slice(0, 2), { joined: false });
    writeFileSync(path('kubeconfig'), kubeconfigOf({ hub: world.hub.kubeconfig, ...Object.fromEntries(world.clusters.map(({ name, restricted }) => [name, restricted.admin])) }), { mode: 0o600 });
  });
  afterAll(async () => {
    await Promise.all(agents.map(({ running }) => running.stop()));
    await world?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(steps.map((step, index) => [`${index + 1} ${step.section}${needsEngine(step) ? ' (needs a container engine)' : ''}`, step] as const))('%s', async (_title, step) => {
    if (broken) throw new Error('a step before it has failed');
    broken = true;
    const { how, commands, prints } = step;
    const wanted = prints === '' ? /(?:)/ : printed(prints);
    const status = how === 'red' ? 1 : 0;
    for (const giveUpAt = performance.now() + AGAIN_MILLISECONDS; ; await sleep(PAUSE_MILLISECONDS)) {
      const seen = await shell(commands, needsEngine(step) ? ['stand-ins', 'bin'] : ['bin']);
      expect(seen.stdout + seen.stderr).not.toContain('PRIVATE KEY');
      const isLast = performance.now() > giveUpAt || (how !== 'again' && how !== 'red');
      if (!isLast && (seen.status !== status || !wanted.test(seen.stdout))) continue;
      expect(seen.status, seen.stderr + seen.stdout).toBe(status);
      expect(seen.stdout).toMatch(wanted);
      break;
    }
    await beside[how as keyof typeof beside]?.();
    broken = false;
  });

  test('and nothing was asked for that the chart does not grant', () => {
    expect(world.refused()).toEqual([]);
    expect(world.surprises).toEqual([]);
  });
});
