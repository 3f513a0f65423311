/** What the command line says of words, servers and names that are wrong: exit status 1 tried and failed, 2 wrong usage, 3 unreachable. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from '../../mesh/api/resources/index.ts';
import { eventually } from '../../controller/demo/eventually.ts';
import { apply } from '../../controller/demo/objects.ts';
import { freePort } from '../../controller/demo/free-port.ts';
import { ENTRY, type HubProcess, isthmus, launch, ROOT, startHub, temporaryFolder } from './hub-process.ts';
import { startApi } from './start.ts';

const never = new AbortController().signal;
const folder = temporaryFolder();
let hub: HubProcess;
let unreachable = '';

beforeAll(async () => {
  hub = await startHub(folder.path);
  unreachable = join(folder.path, 'unreachable.kubeconfig');
  writeFileSync(unreachable, readFileSync(hub.kubeconfig, 'utf8').replace(hub.api, `127.0.0.1:${await freePort()}`), { mode: 0o600 });
  writeFileSync(join(folder.path, 'noise.kubeconfig'), 'apiVersion: v1\n  kind: ]\n');
  await apply(hub.client, Cluster, 'berlin', {}, never);
});
afterAll(async () => {
  await hub.stop();
  folder.remove();
});

test.concurrent.each<[string, number, RegExp]>([
  ['nonsense', 2, /error: unknown command 'nonsense'\n.*--help/],
  ['--nonsense', 2, /error: unknown option '--nonsense'/],
  ['fleet nonsense', 2, /error: unknown command 'nonsense'/],
  ['fleet query --nonsense', 2, /error: unknown option '--nonsense'/],
  ['fleet query region=europe,=x', 2, /^isthmus: expected a key .*\n {2}region=europe,=x\n {16}\^\n$/],
  ['fleet query region=a -o nonsense', 2, /nonsense.*[Aa]llowed choices/],
  ['join Not_A_Label', 2, /^isthmus: CLUSTER: "Not_A_Label" is not a DNS label: use 1 to 63 of a-z/],
  ['join berlin --ttl 0', 2, /^isthmus: --ttl 0: give a whole number from 1 to 86400\n$/],
  ['join berlin --namespace elsewhere', 1, /^isthmus: ConfigMap elsewhere\/isthmus-trust is not there or not whole: a running hub writes it; .*is --namespace right\?\n$/],
  ['run status', 1, /^isthmus: no run has been made yet/],
  ['run status nowhere', 1, /^isthmus: there is no run "nowhere"; no run has been made yet\n$/],
  ['run undo nowhere', 1, /^isthmus: there is no run "nowhere"; no run has been made yet\n$/],
  ['drill run checkout --evacuate berlin', 2, /^isthmus: service "checkout": write NAMESPACE\/NAME\n$/],
  ['drill run shop/checkout', 2, /required option '--evacuate <cluster>' not specified/],
  ['drill run shop/checkout --evacuate nowhere', 1, /^isthmus: there is no cluster "nowhere" to evacuate, nothing was touched; known: berlin\n$/],
  ['drill report nowhere -o nonsense', 2, /nonsense.*[Aa]llowed choices are markdown, json/],
  ['drill stop nowhere', 1, /^isthmus: there is no drill "nowhere"; "isthmus drill list" shows them\n$/],
  ['drift list nowhere', 1, /^isthmus: there is no cluster "nowhere"; "isthmus fleet query" shows them\n$/],
  ['drill report nowhere', 1, /^isthmus: drill "nowhere": has no report/],
  ['window explain nowhere', 1, /^isthmus: there is no cluster "nowhere"; "isthmus fleet query" shows them\n$/],
  ['window explain berlin --at noon', 2, /^isthmus: --at "noon": give a time \(2026-12-24T18:00:00Z\) or a date \(2026-12-24\)\n$/],
  ['window override one --for 2h', 2, /required option '--reason <text>' not specified/],
  ['window override one --reason test --for 2h', 1, /^isthmus: there is no run "one"; "isthmus run list" shows them\n$/],
  ['dns explain checkout.shop.svc.clusterset.local --from nowhere', 1, /^isthmus: cluster "nowhere": its agent is not connected/],
])('isthmus %s', async (words, status, sentence) => {
  const outcome = await hub.isthmus(...words.split(' '));
  expect([outcome.status, outcome.stdout, outcome.stderr]).toEqual([status, '', expect.stringMatching(sentence)]);
});

test.concurrent.each<[string, () => readonly string[], Record<string, string>, number, RegExp]>([
  ['no kubeconfig', () => [], { KUBECONFIG: '', HOME: '/nonexistent' }, 1, /^isthmus: kubeconfig \/nonexistent\/\.kube\/config: cannot be read \(ENOENT\); give the path of a kubeconfig/],
  ['a kubeconfig that is none', () => ['--kubeconfig', join(folder.path, 'noise.kubeconfig')], {}, 1, /^isthmus: kubeconfig .*noise\.kubeconfig: is no valid kubeconfig; "kubectl --kubeconfig .* config view" shows where\n$/],
  ['an unknown context', () => ['--kubeconfig', hub.kubeconfig, '--context', 'nowhere'], {}, 1, /^isthmus: kubeconfig: has no context "nowhere"; it has isthmus\n$/],
  ['a server that is not there', () => ['--kubeconfig', unreachable], {}, 3, /^isthmus: create inquiries: connect ECONNREFUSED .*: is that Kubernetes API running, and is this its kubeconfig \(--kubeconfig, --context\)\?\n$/],
])('%s', async (_what, words, environment, status, sentence) => {
  const outcome = await isthmus([...words(), 'fleet', 'query'], { environment });
  expect([outcome.status, outcome.stderr]).toEqual([status, expect.stringMatching(sentence)]);
});

test.concurrent('a drill without a steady state touches nothing, says what it waits for and can be stopped', async () => {
  const drill = launch(['--kubeconfig', hub.kubeconfig, 'drill', 'run', 'shop/nothing', '--evacuate', 'berlin']);
  await eventually('it says what it waits for', 45_000, () => Promise.resolve(drill.printed().stderr.includes('checking the steady state: no cluster is connected to the hub')), () => drill.printed().stderr);
  const name = /^drill\.isthmus\.dev\/(\S+) created/.exec(drill.printed().stderr)?.[1] ?? '';
  expect((await hub.isthmus('drill', 'stop', name)).status).toBe(0);
  const outcome = await drill.outcome();
  expect([outcome.status, outcome.stderr]).toEqual([1, expect.stringMatching(/Cancelled: cancelled during the first check; nothing was touched\nisthmus: drill .*: Cancelled\n$/)]);
  expect(outcome.stdout).toMatch(/\| Evacuated \| – \|/);
});

test.concurrent('a run that goes on is not undone; a hub that is not there is said', async () => {
  // An API with the hub's kinds and no hub: nothing ends the run.
  const api = await startApi(join(folder.path, 'without-hub'));
  const held = { metadata: { name: 'held' }, spec: { strategy: { name: 'default', stages: [{ name: 'all', clusters: {} }], progressDeadlineSeconds: 600 }, planDigest: 'none', reason: 'a test', requestedBy: 'test' } };
  expect((await api.call('POST', '/apis/isthmus.dev/v1alpha1/updateruns', { body: { apiVersion: 'isthmus.dev/v1alpha1', kind: 'UpdateRun', ...held } })).code).toBe(201);
  const [undone, joined] = await Promise.all([isthmus(['--kubeconfig', api.kubeconfig, 'run', 'undo', 'held']), isthmus(['--kubeconfig', api.kubeconfig, 'join', 'berlin'])]);
  expect([undone.status, undone.stdout, undone.stderr]).toEqual([1, '', 'isthmus: run held is Pending: stop it first with "isthmus run stop held", then undo it\n']);
  expect([joined.status, joined.stdout, joined.stderr]).toEqual([1, '', expect.stringMatching(/^isthmus: ConfigMap isthmus-system\/isthmus-trust is not there or not whole: a running hub writes it/)]);
  for (const [kind, count] of [['updateruns', 1], ['clusters', 0], ['jointokens', 0]] as const) expect((await api.call('GET', `/apis/isthmus.dev/v1alpha1/${kind}`)).body.items).toHaveLength(count);
  await api.stop();
});

const oldNode = (process.env['PATH'] ?? '').split(delimiter).filter((entry) => entry !== '' && !entry.includes('node_modules')).map((entry) => join(entry, 'node'))
  .find((path) => Number(/^v(\d+)/.exec(spawnSync(path, ['--version']).stdout?.toString() ?? '')?.[1] ?? 99) < 26);
if (oldNode === undefined) console.warn('skipped: no Node older than 26 is on PATH');
test.skipIf(oldNode === undefined)('an old Node gives one sentence, and npm scripts run on the Node that npm ci brought', () => {
  const direct = spawnSync(oldNode ?? '', [ENTRY, '--help']);
  expect([direct.status, direct.stdout.toString(), direct.stderr.toString()]).toEqual([2, '', expect.stringMatching(/^isthmus needs Node 26 or newer and this is Node \d+\.\d+\.\d+: after "npm ci", run it as "npm run isthmus -- …", which brings its own\n$/)]);
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((entry) => !entry.includes('node_modules')).join(delimiter);
  const scripted = spawnSync('npm', ['run', '--silent', 'isthmus', '--', '--help'], { cwd: ROOT, env: { ...process.env, PATH: path } });
  expect([scripted.status, scripted.stdout.toString()]).toEqual([0, expect.stringContaining('Turns independent Kubernetes clusters into one governed network.')]);
});

test('who reads no further ends it without a word, and a full disk is said', () => {
  const inShell = (line: string): readonly [string, string] => {
    const { stdout, stderr } = spawnSync('bash', ['-c', line, process.execPath, ENTRY], { timeout: 20_000 });
    return [stdout.toString(), stderr.toString()];
  };
  expect(inShell('"$0" "$1" --help | true; echo "${PIPESTATUS[0]}"')).toEqual(['141\n', '']);
  expect(inShell('"$0" "$1" --help > /dev/full; echo "$?"')).toEqual(['1\n', 'isthmus: standard output cannot be written (ENOSPC)\n']);
});

test('what was compiled is kept in a folder of the user alone, and no folder, one of others or none wanted fails nothing', () => {
  const help = (environment: Readonly<Record<string, string>>): void => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [ENTRY, '--help'], { timeout: 20_000, env: { ...environment, PATH: process.env['PATH'] ?? '' } });
    expect([status, stdout.toString(), stderr.toString()]).toEqual([0, expect.stringContaining('Turns independent Kubernetes clusters into one governed network.'), '']);
  };
  const compiled = (cache: string): string => join(folder.path, cache, 'isthmus', 'compile');
  const at = (cache: string): { readonly XDG_CACHE_HOME: string } => ({ XDG_CACHE_HOME: join(folder.path, cache) });
  help(at('kept'));
  expect(statSync(compiled('kept')).mode & 0o777).toBe(0o700);
  expect(readdirSync(compiled('kept'))).toHaveLength(1);
  help(at('kept'));
  mkdirSync(join(folder.path, 'home'));
  help({ HOME: join(folder.path, 'home') });
  expect(readdirSync(compiled('home/.cache'))).toHaveLength(1);
  help({ ...at('unwanted'), NODE_DISABLE_COMPILE_CACHE: '1' });
  expect(existsSync(compiled('unwanted'))).toBe(false);
  mkdirSync(compiled('of-all'), { recursive: true });
  chmodSync(compiled('of-all'), 0o777);
  help(at('of-all'));
  expect(readdirSync(compiled('of-all'))).toEqual([]);
  writeFileSync(join(folder.path, 'a-file'), '');
  help(at('a-file'));
  help({ HOME: '/proc/none' });
});
