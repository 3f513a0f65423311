/** Where kube-apiserver and etcd come from: KUBEBUILDER_ASSETS, else a cache folder that is filled once by building them with Go. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Versions live in the module's `go.mod`; the server reports what it is told here, as Kubernetes' own build does. */
const KUBERNETES = 'v1.36.3';
const MODULE = join(import.meta.dirname, 'tools');
interface Program { readonly name: string; readonly path: string; readonly flags: string }
const SERVERS: readonly Program[] = [
  { name: 'etcd', path: 'go.etcd.io/etcd/server/v3', flags: '-s -w' },
  {
    name: 'kube-apiserver', path: 'k8s.io/kubernetes/cmd/kube-apiserver',
    flags: `-s -w -X k8s.io/component-base/version.gitVersion=${KUBERNETES} -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=${KUBERNETES.split('.')[1]}`,
  },
];
/** Of a module of its own, which shares no dependency with the servers; built only where no helm is installed. */
const HELM: Program = { name: 'helm', path: 'helm.sh/helm/v3/cmd/helm@v3.22.0', flags: '-s -w' };
const PROGRESS_MILLISECONDS = 20_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** First of the folders of `PATH` that holds `program`. */
export function onPath(program: string, environment: Environment = process.env): string | undefined {
  return (environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '').map((folder) => join(folder, program)).find((path) => existsSync(path));
}

const lacking = (folder: string, programs: readonly Program[]): readonly Program[] => programs.filter(({ name }) => !existsSync(join(folder, name)));

/** One folder for each state of the tools module, so that a new version is a new folder. */
function cacheFolder(environment: Environment = process.env): string {
  const parent = environment['ISTHMUS_ASSETS_DIR'] ?? join(environment['HOME'] ?? homedir(), '.cache', 'isthmus', 'assets');
  const digest = createHash('sha256').update(readFileSync(join(MODULE, 'go.mod'))).update(readFileSync(join(MODULE, 'go.sum'))).digest('hex');
  return join(parent, `${KUBERNETES}-${digest.slice(0, 12)}`);
}

/** `go install` refuses modules with replacements, `go build` refuses versions. */
const commandOf = ({ path, flags }: Program): readonly string[] => [path.includes('@') ? 'install' : 'build', '-v', '-trimpath', '-buildvcs=false', '-ldflags', flags];

function build(program: Program, go: string, folder: string, say: (text: string) => void): Promise<void> {
  const start = performance.now();
  const seconds = (): number => Math.round((performance.now() - start) / 1000);
  let packages = 0;
  let lastLines: string[] = [];
  const versioned = program.path.includes('@');
  const child = spawn(go, [...commandOf(program), ...(versioned ? [] : ['-o', join(folder, program.name)]), program.path], {
    cwd: versioned ? folder : MODULE, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOBIN: folder },
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    const lines = text.split('\n').filter((line) => line !== '');
    packages += lines.length;
    lastLines = [...lastLines, ...lines].slice(-8);
  });
  const progress = setInterval(() => say(`building ${program.name}: ${packages} packages in ${seconds()} s`), PROGRESS_MILLISECONDS);
  return new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`go ${commandOf(program)[0]} ${program.path} failed after ${seconds()} s: ${lastLines.join('\n')}`));
    });
  }).then(() => say(`built ${program.name} in ${seconds()} s`)).finally(() => clearInterval(progress));
}

/** A folder with the servers, or a sentence that says what to set. Each program is built at most once for a cache folder; two that build at once do not meet. */
export async function provideAssets(say: (text: string) => void, environment: Environment = process.env): Promise<{ readonly folder: string } | { readonly problem: string }> {
  const given = environment['KUBEBUILDER_ASSETS'] ?? '';
  const wayOut = 'set KUBEBUILDER_ASSETS to a folder with kube-apiserver and etcd (setup-envtest makes one), or install Go to build them once';
  if (given !== '') {
    const missing = lacking(given, SERVERS).map(({ name }) => name);
    return missing.length === 0 ? { folder: given } : { problem: `KUBEBUILDER_ASSETS=${given} lacks ${missing.join(' and ')}; ${wayOut}` };
  }
  const folder = cacheFolder(environment);
  const wanted = lacking(folder, onPath('helm', environment) === undefined ? [...SERVERS, HELM] : SERVERS);
  if (wanted.length === 0) return { folder };
  const go = onPath('go', environment);
  if (go === undefined) return lacking(folder, SERVERS).length === 0 ? { folder } : { problem: `there is no real kube-apiserver here; ${wayOut}` };
  say(`no KUBEBUILDER_ASSETS: building ${wanted.map(({ name }) => name).join(', ')} (Kubernetes ${KUBERNETES}) once into ${folder}; this takes several minutes`);
  mkdirSync(folder, { recursive: true });
  const beside = mkdtempSync(join(folder, '.building-'));
  try {
    for (const program of wanted) {
      await build(program, go, beside, say);
      renameSync(join(beside, program.name), join(folder, program.name));
    }
    return { folder };
  } catch (error) {
    return { problem: `${error instanceof Error ? error.message : String(error)}; ${wayOut}` };
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}
