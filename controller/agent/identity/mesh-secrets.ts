/** The four certificate Secrets that Cilium's clustermesh-apiserver and agents mount, and whether one of them is still good. */
import { certificatesOf, endsIn, meshServerName, readCertificate, renewalTime } from '../../../certs/index.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { SecretObject } from '../../../mesh/api/resources/core.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { Signer } from '../../../mesh/ports/signer.ts';
import type { MeshCertificateRole } from '../../../mesh/ports/transport.ts';
import { secretText } from '../secret-text.ts';

export const MESH_ROLES = ['server', 'admin', 'remote', 'local'] as const satisfies readonly MeshCertificateRole[];
const MANAGED_BY = 'app.kubernetes.io/managed-by';

const DATA_FIELDS = ['f:tls.crt', 'f:tls.key', 'f:ca.crt'];

/** Names of Cilium's chart (`templates/clustermesh-apiserver/tls-*`). */
export const meshSecretName = (role: MeshCertificateRole): string => `clustermesh-apiserver-${role}-cert`;

export interface MeshMaterial {
  readonly keyPem: string;
  readonly chainPem: string;
  readonly bundlePem: string;
}

export function meshSecret(namespace: string, role: MeshCertificateRole, { keyPem, chainPem, bundlePem }: MeshMaterial): SecretObject {
  const encoded = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
  return {
    apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls',
    metadata: { namespace, name: meshSecretName(role), labels: { [MANAGED_BY]: AGENT_FIELD_MANAGER } },
    data: { 'tls.crt': encoded(chainPem), 'tls.key': encoded(keyPem), 'ca.crt': encoded(bundlePem) },
  };
}

export function isOurs(secret: SecretObject): boolean {
  return secret.metadata.labels?.[MANAGED_BY] === AGENT_FIELD_MANAGER;
}

/** Field managers, other than us, of its data. */
export function othersIn(secret: SecretObject): readonly string[] {
  const owners = (secret.metadata.managedFields ?? []).filter(({ manager, fieldsV1 }) => manager !== AGENT_FIELD_MANAGER && DATA_FIELDS.some((key) => key in ((fieldsV1?.['f:data'] as object | undefined) ?? {})));
  return [...new Set(owners.map(({ manager }) => manager ?? 'unknown'))].sort();
}

/** Until when the Secret needs no new certificate, and which issuing CA signed it; undefined: it needs one now. */
export function goodUntil(
  secret: SecretObject, expected: { readonly role: MeshCertificateRole; readonly cluster: string; readonly namespace: string; readonly bundlePem: string; readonly avoided: readonly string[] }, signer: Signer, now: Instant,
): { readonly renewAt: Instant; readonly issuer: string } | undefined {
  const read = (key: string): string => secretText(secret, key);
  if (read('ca.crt') !== expected.bundlePem) return undefined;
  try {
    const facts = readCertificate(read('tls.crt'));
    if (Buffer.compare(signer.import(read('tls.key')).publicKeyDer, facts.publicKeyDer) !== 0) return undefined;
    if (!namesFit(read('tls.crt'), expected)) return undefined;
    if (expected.avoided.includes(facts.issuer)) return undefined;
    const renewAt = renewalTime(facts, 0.5);
    return renewAt > now ? { renewAt, issuer: facts.issuer } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether Cilium can use what others made: of this cluster and role, in time, below one of the roots beside it. Who else believes those roots is judged where the mesh is planned; keys are not read, which may be of any kind. */
export function isSound(secret: SecretObject, expected: { readonly role: MeshCertificateRole; readonly cluster: string; readonly namespace: string }, now: Instant): boolean {
  const read = (key: string): string => secretText(secret, key);
  try {
    const chainPem = read('tls.crt');
    const { notBefore, notAfter } = readCertificate(chainPem);
    return notBefore <= now && now < notAfter && serves(chainPem, expected) && certificatesOf(read('ca.crt')).some((root) => endsIn(chainPem, root));
  } catch {
    return false;
  }
}

/** Others' server certificates may have `*.mesh.cilium.io` alone, and their clients are all called `remote` in some modes. */
function serves(chainPem: string, { role, cluster, namespace }: { readonly role: MeshCertificateRole; readonly cluster: string; readonly namespace: string }): boolean {
  const { commonName, dnsNames } = readCertificate(chainPem);
  if (role === 'server') return dnsNames.includes(meshServerName(namespace));
  return commonName === `${role}-${cluster}` || role === 'remote' && commonName === role;
}

export interface MeshLeaf {
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  /** Common name of the issuing CA, where it is one of ours. */
  readonly issuer?: string;
}

/** Of the certificate in it; undefined: it cannot be read. */
export function leafOf(secret: SecretObject): MeshLeaf | undefined {
  try {
    const { notBefore, notAfter, issuer } = readCertificate(secretText(secret, 'tls.crt'));
    return { notBefore, notAfter, ...(isOurs(secret) && issuer !== '' ? { issuer } : {}) };
  } catch {
    return undefined;
  }
}

/** Common name of the issuing CA. */
export const issuerOf = (secret: SecretObject): string => readCertificate(secretText(secret, 'tls.crt')).issuer;

export function namesFit(chainPem: string, { role, cluster, namespace }: { readonly role: MeshCertificateRole; readonly cluster: string; readonly namespace: string }): boolean {
  const facts = readCertificate(chainPem);
  if (role !== 'server') return facts.commonName === `${role}-${cluster}`;
  return facts.dnsNames.includes(meshServerName(namespace)) && facts.dnsNames.includes(`${cluster}.mesh.cilium.io`);
}
