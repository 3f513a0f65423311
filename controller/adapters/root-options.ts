/** Where the hub's root is, by the flags of the command line. */
import type { RootKeys } from '../../certs/index.ts';
import type { IssuerReference } from '../../mesh/api/resources/cert-manager.ts';
import { AdvisedError } from '../runtime/errors.ts';
import { commandRoot, fileRoot, offlineRoot } from './root-keys.ts';

export interface RootOptions {
  /** `managed`: the hub makes its root and keeps its key in its Secret, unless the other options say where it is. */
  readonly root?: 'managed' | 'offline' | 'cert-manager';
  /** PEM file with the roots that are pinned. */
  readonly rootCertificates?: string | undefined;
  readonly rootKeyFile?: string | undefined;
  readonly rootPassphraseFile?: string | undefined;
  /** A program that signs. */
  readonly rootSigner?: string | undefined;
  /** Name of the issuer that signs issuing CAs. */
  readonly certManagerIssuer?: string | undefined;
  readonly certManagerIssuerKind?: string | undefined;
  readonly certManagerIssuerGroup?: string | undefined;
}

/** undefined: managed. Throws a sentence where the options do not fit together or the certificates cannot be read. */
export function rootKeysOf({ root, rootCertificates, rootKeyFile, rootPassphraseFile, rootSigner }: RootOptions): RootKeys | undefined {
  const ways = [...(root === undefined || root === 'managed' ? [] : [`--root=${root}`]), ...(rootKeyFile === undefined ? [] : ['--root-key-file']), ...(rootSigner === undefined ? [] : ['--root-signer'])];
  const [way, ...others] = ways;
  if (others.length > 0) throw new AdvisedError('user', `${ways.join(' and ')}: the root's key is in one place; give one of them`);
  if (rootPassphraseFile !== undefined && rootKeyFile === undefined) throw new AdvisedError('user', '--root-passphrase-file: is for --root-key-file; give both, or leave it out');
  if (way === undefined) {
    if (rootCertificates !== undefined) throw new AdvisedError('user', '--root-certificates: give --root=offline, --root=cert-manager, --root-key-file or --root-signer as well, or leave it out: then the hub makes a root of its own');
    return undefined;
  }
  if (rootCertificates === undefined) throw new AdvisedError('user', `${way}: give --root-certificates as well, the file (PEM) with the root's certificate`);
  const keys = rootSigner !== undefined ? commandRoot(rootCertificates, rootSigner) : rootKeyFile !== undefined ? fileRoot(rootCertificates, rootKeyFile, rootPassphraseFile) : offlineRoot(rootCertificates);
  keys.certificates();
  return keys;
}

const CERT_MANAGER_GROUP = 'cert-manager.io';
const CERT_MANAGER_KINDS = ['ClusterIssuer', 'Issuer'];

/** undefined: cert-manager is not asked. Throws a sentence where the options do not fit together. */
export function certManagerOf({ root, certManagerIssuer: name, certManagerIssuerKind, certManagerIssuerGroup }: RootOptions): IssuerReference | undefined {
  if (root !== 'cert-manager') {
    if (name !== undefined || certManagerIssuerKind !== undefined || certManagerIssuerGroup !== undefined) throw new AdvisedError('user', '--cert-manager-issuer, -kind and -group: are for --root=cert-manager; give both, or leave them out');
    return undefined;
  }
  const [kind, group] = [certManagerIssuerKind ?? 'ClusterIssuer', certManagerIssuerGroup ?? CERT_MANAGER_GROUP];
  if (name === undefined || name === '') throw new AdvisedError('user', '--root=cert-manager: give --cert-manager-issuer as well, the name of the issuer that signs');
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name)) throw new AdvisedError('user', `--cert-manager-issuer ${JSON.stringify(name)}: is no name of an object`);
  if (group === CERT_MANAGER_GROUP ? !CERT_MANAGER_KINDS.includes(kind) : !/^[A-Z][A-Za-z0-9]{0,62}$/.test(kind)) throw new AdvisedError('user', `--cert-manager-issuer-kind ${JSON.stringify(kind)}: give ClusterIssuer or Issuer, or another kind with its --cert-manager-issuer-group`);
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(group)) throw new AdvisedError('user', `--cert-manager-issuer-group ${JSON.stringify(group)}: is no API group`);
  return { name, kind, group };
}
