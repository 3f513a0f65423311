/** Helm and kubectl as a person runs them. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { onPath } from '../kube/assets.ts';

export const ROOT = resolve(import.meta.dirname, '../..');
/** Without its version flags Helm believes in Kubernetes 1.20. */
const KUBE_VERSION = '1.36.3';
const LONGEST_MILLISECONDS = 60_000;

export interface Outcome { readonly status: number; readonly stdout: string; readonly stderr: string }

export function run(program: string, parameters: readonly string[], input?: string): Promise<Outcome> {
  return new Promise((done) => {
    const child = execFile(program, parameters, { cwd: ROOT, timeout: LONGEST_MILLISECONDS, maxBuffer: 32 << 20 }, (error, stdout, stderr) => {
      done({ status: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
    });
    child.stdin?.end(input);
  });
}

/** In the assets' folder or on PATH. */
export function findHelm(): string | undefined {
  const beside = join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'helm');
  return process.env['KUBEBUILDER_ASSETS'] !== undefined && existsSync(beside) ? beside : onPath('helm');
}

export const chartFolder = (chart: string): string => join(ROOT, 'charts', chart);

const template = (helm: string, chart: string, parameters: readonly string[]): Promise<Outcome> =>
  run(helm, ['template', chart, chartFolder(chart), '--namespace', 'isthmus-system', '--kube-version', KUBE_VERSION, ...parameters]);

/** The objects of a release named after its chart, in namespace `isthmus-system`; throws with Helm's words where it refuses. */
export async function renderChart(helm: string, chart: string, parameters: readonly string[]): Promise<readonly KubernetesObject[]> {
  const { status, stdout, stderr } = await template(helm, chart, parameters);
  if (status !== 0) throw new Error(`helm template ${chart}: ${stderr}`);
  return parseAllDocuments(stdout).map((document) => document.toJS() as KubernetesObject | null).filter((object) => object !== null);
}

/** What Helm says where it refuses; undefined: it accepts. */
export async function refusal(helm: string, chart: string, parameters: readonly string[]): Promise<string | undefined> {
  const { status, stderr } = await template(helm, chart, parameters);
  return status === 0 ? undefined : stderr;
}
