/** Clusters of network namespaces with Cilium's own datapath, by the scripts in `ISTHMUS_REAL_DATAPATH`, and commands inside of them. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { onPath } from '../kube/assets.ts';

const ROOT = resolve(import.meta.dirname, '../..');
export const SCRIPTS = resolve(ROOT, process.env['ISTHMUS_REAL_DATAPATH'] ?? '../shared/real-datapath');
const GO = '/usr/local/go/bin';
const PROGRAMS = ['kube-apiserver', 'kube-controller-manager', 'etcd', 'etcdctl', 'helm', 'clustermesh-apiserver', 'cilium-agent', 'cilium-cni', 'cilium-operator-generic', 'cilium-dbg'];
const LONGEST_MILLISECONDS = 60_000;
/** Three clusters take a minute on two processors with nothing else to do. */
const BRING_UP_MILLISECONDS = 300_000;

const PATH = [process.env['PATH'] ?? '', GO, '/usr/sbin', '/sbin'].join(':');

/** What takes minutes is left out of the gate: `ISTHMUS_DATAPATH=whole` asks for it. */
export const WHOLE = process.env['ISTHMUS_DATAPATH'] === 'whole';

/** Why no such cluster can run here; undefined: they can. */
export function missingHarness(): string | undefined {
  if (process.platform !== 'linux') return `needs Linux, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'needs root, to make network namespaces and load eBPF programs';
  if (!existsSync(join(SCRIPTS, 'up.sh'))) return `${SCRIPTS} has no up.sh; set ISTHMUS_REAL_DATAPATH`;
  const environment = { PATH };
  const tools = ['go', 'ip', 'iptables', 'ipset', 'bc', 'nsenter', 'openssl', 'python3', 'kubectl', 'curl'].filter((tool) => onPath(tool, environment) === undefined);
  if (!['clang-19', 'clang-18'].some((clang) => onPath(clang, environment) !== undefined)) tools.push('clang-19');
  if (tools.length > 0) return `${tools.join(', ')}: not installed`;
  const folder = process.env['KUBEBUILDER_ASSETS'];
  const programs = PROGRAMS.filter((program) => folder === undefined || !existsSync(join(folder, program)));
  return programs.length > 0 ? `KUBEBUILDER_ASSETS has no ${programs.join(', ')}` : undefined;
}

/** Of the scripts, whatever the reason. */
export class NotUp extends Error {}

/** Prefix of all network namespaces, the folder of all that is written, and a file with values of Cilium's chart (empty: none). */
export interface Place { readonly prefix: string; readonly state: string; readonly values: string }

export interface Harness {
  readonly place: Place;
  /** Runs until Cilium is ready everywhere, and calls `on` with what the scripts say meanwhile. Takes all down again where that fails. */
  up(on: (line: string) => void, signal: AbortSignal): Promise<void>;
  /** A command that runs the rest of its words in a network namespace of ours, `net` or `<cluster>-cp`, with the peers' names. */
  inside(namespace: string): readonly string[];
  /** A function of the scripts' `env.sh`: `kc`, `node`, `in_pod`. Rejects with what it says. */
  call(words: readonly string[], input?: string): Promise<string>;
  /** Last lines of every log. */
  lastLines(): string;
  down(): Promise<void>;
}

/** Where the underlay's own namespace is: DNS and the hub. */
export const UNDERLAY = '172.31.1.1';
export const controlPlaneOf = (clusterId: number): string => `172.31.1.${clusterId}0`;
export const nodeOf = (clusterId: number): string => `172.31.1.${clusterId}1`;

/** One whose API server is not healthy within 10 s ends for good: on a busy machine it is started again, as a kubelet does. */
const RESTARTED = 'kube-controller-manager';

/** All programs in one folder, as the scripts take them. */
function layOut(folder: string): void {
  mkdirSync(folder);
  const real = (program: string): string => join(process.env['KUBEBUILDER_ASSETS'] ?? '', program);
  for (const program of PROGRAMS.filter((name) => name !== RESTARTED)) symlinkSync(real(program), join(folder, program));
  writeFileSync(join(folder, RESTARTED), `#!/bin/bash\nwhile :; do ${real(RESTARTED)} "$@"; sleep 1; done\n`, { mode: 0o755 });
}

const ENTER = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';

export function createHarness(place: Place, clusters: readonly string[]): Harness {
  const { prefix, state, values } = place;
  const environment = {
    ...process.env, PATH, RDP_PREFIX: prefix, RDP_STATE: state, RDP_VALUES: values, RDP_CLUSTERS: clusters.join(' '), MESH: '0',
    RDP_PARTS: join(state, 'parts'),
  };
  const names = join(state, 'resolv.conf');
  const down = (): Promise<void> => new Promise((done) => { execFile(join(SCRIPTS, 'down.sh'), { env: environment }, () => done()); });
  const lastLines = (): string => clusters.flatMap((cluster) => {
    const folder = join(state, cluster, 'log');
    return existsSync(folder) ? readdirSync(folder).map((name) => `${cluster}/${name}: ${readFileSync(join(folder, name), 'utf8').split('\n').slice(-4).join(' | ').slice(-600)}`) : [];
  }).join('\n');

  return {
    place, down, lastLines,
    async up(on, signal) {
      await down();
      for (const folder of [state, ...clusters.map((cluster) => join(state, cluster))]) {
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, 'resolv.conf'), `nameserver ${UNDERLAY}\n`);
      }
      layOut(join(state, 'parts'));
      const script = spawn(join(SCRIPTS, 'up.sh'), { env: environment, stdio: ['ignore', 'pipe', 'pipe'], timeout: BRING_UP_MILLISECONDS, signal }).on('error', () => {});
      const said: string[] = [];
      for (const stream of [script.stdout, script.stderr]) createInterface(stream).on('line', (line) => { said.push(line); on(line); });
      const status = await new Promise<number | null>((done) => { script.once('exit', done); });
      if (status === 0) return;
      const stopped = signal.aborted;
      const told = [...said, lastLines()].join('\n');
      await down();
      if (stopped) throw new Error('given up');
      throw new NotUp(`the clusters do not come up: ${told}`);
    },
    inside: (namespace) => ['ip', 'netns', 'exec', `${prefix}-${namespace}`, 'sh', '-c', ENTER, 'sh', names],
    call: (words, input) => new Promise((done, failed) => {
      const child = execFile('bash', ['-c', `. ${SCRIPTS}/env.sh && "$@"`, 'bash', ...words], { env: environment, timeout: LONGEST_MILLISECONDS, maxBuffer: 32 << 20 }, (error, stdout, stderr) => {
        if (error === null) done(stdout);
        else failed(new Error(`${words.join(' ')}: ${stderr.trim() || stdout.trim() || error.message}`));
      });
      child.stdin?.end(input);
    }),
  };
}
