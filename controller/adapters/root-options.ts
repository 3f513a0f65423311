/** Where the hub's root is, by the flags of the command line. */
import type { RootKeys } from '../../certs/index.ts';
import { AdvisedError } from '../runtime/errors.ts';
import { commandRoot, fileRoot, offlineRoot } from './root-keys.ts';

export interface RootOptions {
  /** `managed`: the hub makes its root and keeps its key in its Secret, unless the other options say where it is. */
  readonly root?: 'managed' | 'offline';
  /** PEM file with the roots that are pinned. */
  readonly rootCertificates?: string | undefined;
  readonly rootKeyFile?: string | undefined;
  readonly rootPassphraseFile?: string | undefined;
  /** A program that signs. */
  readonly rootSigner?: string | undefined;
}

/** undefined: managed. Throws a sentence where the options do not fit together or the certificates cannot be read. */
export function rootKeysOf({ root, rootCertificates, rootKeyFile, rootPassphraseFile, rootSigner }: RootOptions): RootKeys | undefined {
  const ways = [...(root === 'offline' ? ['--root=offline'] : []), ...(rootKeyFile === undefined ? [] : ['--root-key-file']), ...(rootSigner === undefined ? [] : ['--root-signer'])];
  const [way, ...others] = ways;
  if (others.length > 0) throw new AdvisedError('user', `${ways.join(' and ')}: the root's key is in one place; give one of them`);
  if (rootPassphraseFile !== undefined && rootKeyFile === undefined) throw new AdvisedError('user', '--root-passphrase-file: is for --root-key-file; give both, or leave it out');
  if (way === undefined) {
    if (rootCertificates !== undefined) throw new AdvisedError('user', '--root-certificates: give --root=offline, --root-key-file or --root-signer as well, or leave it out: then the hub makes a root of its own');
    return undefined;
  }
  if (rootCertificates === undefined) throw new AdvisedError('user', `${way}: give --root-certificates as well, the file (PEM) with the root's certificate`);
  const keys = rootSigner !== undefined ? commandRoot(rootCertificates, rootSigner) : rootKeyFile !== undefined ? fileRoot(rootCertificates, rootKeyFile, rootPassphraseFile) : offlineRoot(rootCertificates);
  keys.certificates();
  return keys;
}
