/**
 * Definitions of other projects from their published Go modules, by their own generator: `go.mod` pins versions, `go.sum` the SHA-256 of every module. Nothing of
 * them is kept in this repository: they are made once for a state of the module, in a cache folder.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { onPath } from '../assets.ts';

const MODULE = import.meta.dirname;
/** All versions of a kind, as its project publishes them; those of Cluster API that are no longer served are internal to it. */
const TYPES = [
  'github.com/fluxcd/helm-controller/api/...', 'github.com/fluxcd/kustomize-controller/api/...',
  ...['api/core/v1beta1', 'api/core/v1beta2', 'internal/api/core/v1alpha3', 'internal/api/core/v1alpha4'].map((path) => `sigs.k8s.io/cluster-api/${path}`),
];
/** The generator writes every kind of these packages; the rest is left out. */
const WANTED = [
  'cluster.x-k8s.io_clusters', 'helm.toolkit.fluxcd.io_helmreleases', 'kustomize.toolkit.fluxcd.io_kustomizations',
  'multicluster.x-k8s.io_serviceexports', 'multicluster.x-k8s.io_serviceimports',
].map((name) => `${name}.yaml`);
const FILE_BYTES = 2 * 1024 * 1024;
/** Of both attempts. On two busy processors with nothing cached it takes more than three minutes. */
const LIMIT_MILLISECONDS = 10 * 60_000;
const ATTEMPTS = 2;
const PROGRESS_MILLISECONDS = 20_000;
const WAY_OUT = 'install Go and let it reach its module proxy, or set ISTHMUS_UPSTREAM_DEFINITIONS to a folder with the projects\' CustomResourceDefinitions';

/** Of the environment: what became of it before the tests began, so that not every suite tries again. */
export const UPSTREAM_PROBLEM = 'ISTHMUS_UPSTREAM_PROBLEM';

type Say = (text: string) => void;
type Environment = Readonly<Record<string, string | undefined>>;

/** One folder for each state of what makes its content. */
export function upstreamFolder(environment: Environment = process.env): string {
  const digest = createHash('sha256');
  for (const file of ['go.mod', 'go.sum', 'main.go']) digest.update(readFileSync(join(MODULE, file)));
  digest.update(JSON.stringify([TYPES, WANTED]));
  return join(environment['ISTHMUS_UPSTREAM_DIR'] ?? join(environment['HOME'] ?? homedir(), '.cache', 'isthmus', 'upstream'), digest.digest('hex').slice(0, 12));
}

const complete = (folder: string): boolean => WANTED.every((file) => existsSync(join(folder, file)));

function run(go: string, parameters: readonly string[], deadline: AbortSignal): Promise<void> {
  const child = spawn(go, parameters, { cwd: MODULE, stdio: ['ignore', 'ignore', 'pipe'], signal: deadline, env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' } });
  let last = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { last = (last + text).slice(-1000); });
  return new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(deadline.aborted ? new Error(`go ${parameters.slice(0, 2).join(' ')} was ended: all took longer than ${LIMIT_MILLISECONDS / 1000} s`) : error));
    child.once('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`go ${parameters.slice(0, 2).join(' ')} failed: ${last.trim()}`));
    });
  });
}

async function make(go: string, folder: string, deadline: AbortSignal): Promise<void> {
  const beside = mkdtempSync(`${folder}-making-`);
  try {
    await run(go, ['run', '.', beside], deadline);
    await run(go, ['tool', 'controller-gen', 'crd', ...TYPES.map((path) => `paths=${path}`), `output:dir=${beside}`], deadline);
    for (const file of readdirSync(beside)) if (!WANTED.includes(file)) rmSync(join(beside, file));
    for (const file of WANTED) {
      const { size } = statSync(join(beside, file));
      if (size > FILE_BYTES) throw new Error(`${file} has ${size} bytes, more than ${FILE_BYTES}`);
    }
    try {
      renameSync(beside, folder);
    } catch (error) {
      // Another process was first, and its folder is as good; or somebody removed some of its files.
      if (complete(folder)) return;
      if (!existsSync(folder)) throw error;
      rmSync(folder, { recursive: true });
      renameSync(beside, folder);
    }
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** Undefined once the definitions are there; else a sentence that says why they are not and what to do. */
export async function prepareUpstream(say: Say = (text) => { console.log(text); }, environment: Environment = process.env): Promise<string | undefined> {
  const known = environment[UPSTREAM_PROBLEM] ?? '';
  const problem = known === '' ? await provide(say, environment) : known;
  if (problem === undefined || (environment['ISTHMUS_UPSTREAM_DEFINITIONS'] ?? '') === '') return problem;
  say(`only what ISTHMUS_UPSTREAM_DEFINITIONS names is used: ${problem}`);
  return undefined;
}

async function provide(say: Say, environment: Environment): Promise<string | undefined> {
  const folder = upstreamFolder(environment);
  if (complete(folder)) return undefined;
  const go = onPath('go', environment);
  if (go === undefined) return `there is no Go here to make other projects' definitions with; ${WAY_OUT}`;
  say(`making other projects' definitions once into ${folder}; this takes some minutes`);
  const deadline = AbortSignal.timeout(LIMIT_MILLISECONDS);
  const start = performance.now();
  const seconds = (): number => Math.round((performance.now() - start) / 1000);
  const progress = setInterval(() => say(`making other projects' definitions: ${seconds()} s`), PROGRESS_MILLISECONDS);
  let problem = '';
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      try {
        mkdirSync(join(folder, '..'), { recursive: true });
        await make(go, folder, deadline);
        say(`made other projects' definitions in ${seconds()} s`);
        return undefined;
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
        if (deadline.aborted) break;
        if (attempt < ATTEMPTS) say(`${problem}; once more`);
      }
    }
  } finally {
    clearInterval(progress);
  }
  return `${problem}; ${WAY_OUT}`;
}
