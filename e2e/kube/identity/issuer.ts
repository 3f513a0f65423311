/** What cert-manager is to a hub: its definition of CertificateRequest, and an issuer that approves, denies and signs as people tell it to. */
import { execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { CertificateRequest, type CertificateRequestObject } from '../../../mesh/api/resources/cert-manager.ts';
import type { KubernetesClient, KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { onPath } from '../assets.ts';

const MODULE = join(import.meta.dirname, 'cert-manager');
const DOWNLOAD_MILLISECONDS = 60_000;

/** From the Go module that `go.sum` pins; nothing of it is kept in this repository. */
export async function certificateRequestDefinition(): Promise<KubernetesObject | { readonly problem: string }> {
  const go = onPath('go');
  if (go === undefined) return { problem: 'there is no Go here to have cert-manager\'s definitions with' };
  try {
    const { stdout } = await promisify(execFile)(go, ['mod', 'download', '-json', 'github.com/cert-manager/cert-manager'], { cwd: MODULE, env: { ...process.env, GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' }, timeout: DOWNLOAD_MILLISECONDS });
    const { Dir: folder } = JSON.parse(stdout) as { readonly Dir: string };
    return parse(readFileSync(join(folder, 'deploy/crds/cert-manager.io_certificaterequests.yaml'), 'utf8')) as KubernetesObject;
  } catch (error) {
    return { problem: `cert-manager's definitions cannot be had: ${String((error as { stderr?: unknown }).stderr ?? error).trim().slice(-300)}` };
  }
}

/** base64 of PEM, as in `status`. */
interface Signed { readonly certificate: string; readonly ca: string }
export type Sign = (request: CertificateRequestObject) => Promise<Signed>;

/** By cert-manager's own functions. */
export const signedByCertManager = (program: string, certificate: string, key: string): Sign => (request) => new Promise((resolve, reject) => {
  const child = spawn(program, [certificate, key], { stdio: ['pipe', 'pipe', 'pipe'] });
  let [text, problem] = ['', ''];
  child.stdout.on('data', (part: Buffer) => { text += part.toString(); });
  child.stderr.on('data', (part: Buffer) => { problem += part.toString(); });
  child.once('error', reject);
  child.once('close', (status) => { if (status === 0) resolve(JSON.parse(text) as Signed); else reject(new Error(problem)); });
  child.stdin.end(JSON.stringify(request));
});

/** As it does, by OpenSSL: name and name constraints are the request's, and no path length. */
export const signedByOpenssl = (folder: string, certificate: string, key: string): Sign => async ({ spec }) => {
  const run = async (...parameters: string[]): Promise<string> => (await promisify(execFile)('openssl', parameters)).stdout;
  const [csr, profile] = [join(folder, 'asked.csr'), join(folder, 'asked.profile')];
  writeFileSync(csr, Buffer.from(spec.request, 'base64'));
  const constraints = /X509v3 Name Constraints: critical\n\s+Permitted:\n((?:\s+(?:URI|DNS|IP):.*\n)+)/.exec(await run('req', '-in', csr, '-noout', '-text'))?.[1] ?? '';
  const permitted = constraints.trim().split(/\n\s*/).map((each) => `permitted;${each.replace('IP:0:0:0:0:0:0:0:1/', 'IP:::1/')}`).join(',');
  writeFileSync(profile, `basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature,keyCertSign,cRLSign\nnameConstraints=critical,${permitted}\n`);
  const issued = await run('x509', '-req', '-sha256', '-in', csr, '-CA', certificate, '-CAkey', key, '-CAcreateserial', '-days', '90', '-extfile', profile);
  return { certificate: Buffer.from(issued).toString('base64'), ca: readFileSync(certificate).toString('base64') };
};

/** Writes conditions as `manager`; those that are there stay. */
export async function say(api: KubernetesClient, object: CertificateRequestObject, manager: string, conditions: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[], more: object, signal: AbortSignal): Promise<void> {
  const lastTransitionTime = new Date().toISOString();
  const status = { ...more, conditions: [...object.status?.conditions ?? [], ...conditions.map((condition) => ({ ...condition, lastTransitionTime }))] };
  await api.patch(CertificateRequest, { namespace: object.metadata.namespace ?? '', name: object.metadata.name }, { status }, { type: 'merge', fieldManager: manager, subresource: 'status' }, signal);
}
