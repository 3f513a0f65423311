/** `isthmus bundle digest|payload|sign|verify`: what needs a file and no hub. */
import { bundlePayload, signBundle, verifyBundle } from '../../../certs/index.ts';
import type { SigningPolicy } from '../../../mesh/model/bundle.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { readSigningPolicyFile } from '../../adapters/signing-policy.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { readBundleFile, textOf, writeBundleFile } from './file.ts';

const MOST_SIGNATURES = 16;

export function printDigest({ out }: Pick<Environment, 'out'>, path: string): void {
  out(`${readBundleFile(path).delivery.digest}\n`);
}

/** The very bytes that are signed, for signers that keep their keys elsewhere: `openssl pkeyutl -sign -rawin`, a cloud's key service. */
export function printPayload({ out }: Pick<Environment, 'out'>, path: string): void {
  out(Buffer.from(bundlePayload(readBundleFile(path).delivery.content)).toString('utf8'));
}

/** A signature by the same keyid is replaced. `sig` given: made elsewhere, over the payload. */
export function signFile(environment: Pick<Environment, 'out' | 'err'>, path: string, options: { readonly key?: string | undefined; readonly keyid?: string | undefined; readonly sig?: string | undefined }): void {
  if (path === '-') throw new UsageProblem('-f -: a signature is written into the file; give a path');
  if ((options.key === undefined) === (options.sig === undefined)) throw new UsageProblem('give --key FILE, or --sig BASE64 of a signature that was made elsewhere');
  if (options.sig !== undefined && options.keyid === undefined) throw new UsageProblem('--sig: give --keyid as well, by which the pinned key is found');
  const file = readBundleFile(path);
  let signature: { readonly keyid: string; readonly sig: string };
  if (options.key === undefined) signature = { keyid: options.keyid ?? '', sig: options.sig ?? '' };
  else {
    try {
      signature = signBundle(file.delivery.content, textOf('--key', options.key), options.keyid);
    } catch (error) {
      if (error instanceof UsageProblem) throw error;
      throw new UsageProblem(`--key ${options.key}: ${(error as Error).message}`);
    }
  }
  const others = file.delivery.signatures.filter(({ keyid }) => keyid !== signature.keyid);
  if (others.length >= MOST_SIGNATURES) throw new CommandFailure(`${path}: has ${others.length} signatures, at most ${MOST_SIGNATURES} are kept; take one out`);
  file.document.setIn(['spec', 'signatures'], file.document.createNode([...others, signature]));
  writeBundleFile(file);
  environment.err(`${path}: signed ${file.delivery.digest} as ${signature.keyid}\n`);
}

/** Whose signature would count. */
function wayOut(path: string, { keys }: SigningPolicy, now: number): string {
  const able = keys.filter(({ notAfter, revoked }) => revoked !== true && (fromRfc3339(notAfter) ?? Infinity) > now).map(({ keyid }) => keyid);
  const some = `${able.slice(0, MOST_SIGNATURES).join(', ')}${able.length > MOST_SIGNATURES ? ', …' : ''}`;
  return able.length === 0 ? 'no pinned key counts any more: pin a new one at hub and agents, and sign with it' : `keys that count: ${some}; "isthmus bundle sign -f ${path} --key FILE --keyid NAME"`;
}

export function verifyFile({ out, now }: Pick<Environment, 'out' | 'now'>, path: string, keys: string): void {
  const file = readBundleFile(path);
  const policy = readSigningPolicyFile(keys);
  const verified = verifyBundle(file.delivery, policy, now());
  if (!verified.ok) throw new CommandFailure(`${path}: ${file.package} ${file.version}: ${verified.problem}; ${wayOut(path, policy, now())}`);
  out(`${file.package} ${file.version} ${file.delivery.digest}: ${verified.keyids.length === 0 ? 'no signatures are asked for' : `signed by ${verified.keyids.join(', ')}; ${policy.threshold} needed`}\n`);
}
