/** `isthmus join --issuer --jwks`: lets a cluster join by its own service-account token; nothing secret is copied. */
import { readFileSync } from 'node:fs';
import { issuerKeysProblem } from '../../../certs/index.ts';
import { apiVersionOf, ClusterAdmission } from '../../../mesh/api/resources/index.ts';
import { type ClusterAdmissionObject, clusterAdmissionSpec } from '../../../mesh/api/resources/cluster-admission.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { type Environment, UsageProblem } from '../environment.ts';
import { FIELD_MANAGER } from '../field-manager.ts';

const LARGEST_FILE = 65_536;
/** Members of a JSON Web Key that only its owner may have. */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth'];
const TAKEN = ['kid', 'kty', 'alg', 'use', 'n', 'e', 'crv', 'x', 'y'];

export interface AdmissionOptions {
  readonly issuer: string;
  readonly jwks: string;
  readonly audience?: string;
  readonly serviceAccount: string;
}

type Spec = ClusterAdmissionObject['spec'];

export function admissionSpec({ issuer, jwks: path, audience, serviceAccount }: AdmissionOptions): Spec {
  const [namespace = '', name = '', ...more] = serviceAccount.split('/');
  if (namespace === '' || name === '' || more.length > 0) throw new UsageProblem(`--service-account ${JSON.stringify(serviceAccount)}: write NAMESPACE/NAME`);
  const spec = { issuer, jwks: { keys: keysIn(path) }, namespace, serviceAccount: name, ...(audience === undefined ? {} : { audience }) };
  const parsed = clusterAdmissionSpec.safeParse(spec);
  if (!parsed.success) throw new UsageProblem(`--jwks ${path}: ${parsed.error.issues.map(({ path: at, message }) => `${at.join('.')}: ${message}`).join('; ')}`);
  const problem = issuerKeysProblem(parsed.data.jwks.keys);
  if (problem !== undefined) throw new UsageProblem(`--jwks ${path}: ${problem}`);
  return parsed.data;
}

function keysIn(path: string): unknown[] {
  const wayOut = 'give what "kubectl get --raw /openid/v1/jwks" prints of the cluster that is to join';
  let keys: unknown;
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length > LARGEST_FILE) throw new Error('is too large');
    keys = (JSON.parse(text) as { readonly keys?: unknown }).keys;
  } catch (error) {
    throw new UsageProblem(`--jwks ${path}: ${(error as NodeJS.ErrnoException).code ?? 'is no JSON'}; ${wayOut}`);
  }
  if (!Array.isArray(keys)) throw new UsageProblem(`--jwks ${path}: has no "keys"; ${wayOut}`);
  return keys.map((key: unknown) => {
    const entries = Object.entries(key as object);
    if (entries.some(([name]) => PRIVATE.includes(name))) throw new UsageProblem(`--jwks ${path}: holds a private key; whoever has seen the file can speak for the cluster: renew its service-account keys, and ${wayOut}`);
    return Object.fromEntries(entries.filter(([name]) => TAKEN.includes(name)));
  });
}

/** `revokedAt`: a permission from before counts no more, so it is made anew. */
export async function writeAdmission(environment: Environment, client: KubernetesClient, cluster: string, spec: Spec, { revokedAt, dryRun }: { readonly revokedAt: number | undefined; readonly dryRun: boolean }): Promise<void> {
  const { signal } = environment;
  const write = { fieldManager: FIELD_MANAGER, dryRun };
  const before = await client.get<ClusterAdmissionObject>(ClusterAdmission, { name: cluster }, signal);
  const isLate = revokedAt !== undefined && (fromRfc3339(before?.metadata.creationTimestamp) ?? 0) <= revokedAt;
  if (before !== undefined && isLate && !dryRun) await client.delete(ClusterAdmission, { name: cluster }, {}, signal);
  if (before === undefined || (isLate && !dryRun)) {
    await client.create<ClusterAdmissionObject>(ClusterAdmission, { apiVersion: apiVersionOf(ClusterAdmission), kind: ClusterAdmission.kind, metadata: { name: cluster }, spec }, write, signal);
  } else {
    await client.update<ClusterAdmissionObject>(ClusterAdmission, { ...before, spec }, write, signal);
  }
}
