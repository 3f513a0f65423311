/** Roots whose keys are not in the hub's key store: pinned certificates from a file, keys from a file, from a command, or nowhere in reach. */
import { spawn } from 'node:child_process';
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { certificatesOf, RootKeyFailure, type RootKeys, type SignatureAlgorithm } from '../../certs/index.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { AdvisedError } from '../runtime/errors.ts';

const LARGEST_FILE_BYTES = 64 * 1024;
const COMMAND_TIMEOUT_MILLISECONDS = 30_000;
const LARGEST_ANSWER_CHARACTERS = 8 * 1024;
const OTHERS_MAY_READ = 0o004;
const PRIVATE_KEYS = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[\s\S]*?-----END \1-----/g;

export interface CommandLimits {
  readonly timeoutMilliseconds: number;
}

/** `certificates`: path of a PEM file, read anew at each use, so that a new root is put in without a restart. */
export function offlineRoot(certificates: string): RootKeys {
  return { kind: 'Offline', certificates: () => pinned(certificates), sign: () => Promise.resolve(undefined) };
}

/** `key`: path of a PEM file with one or more private keys; read at each use and not kept. `passphrase`: path of a file with the passphrase of encrypted ones. */
export function fileRoot(certificates: string, key: string, passphrase?: string): RootKeys {
  return {
    kind: 'File', certificates: () => pinned(certificates),
    async sign(root, algorithm, bytes) {
      await Promise.resolve();
      const own = privateKeys(key, passphrase).find((each) => Buffer.compare(publicKeyOf(each), root.publicKeyDer) === 0);
      if (own === undefined) throw new RootKeyFailure(`--root-key-file ${key}: holds no key of the root with fingerprint ${root.fingerprint}`);
      return signWith(own, algorithm, bytes);
    },
  };
}

/**
 * `command`: a program and its arguments, separated by spaces; no shell. It gets one line of JSON on stdin, `{"algorithm", "toBeSigned", "root"}` (base64; SHA-256 of the
 * root's certificate in hex), and prints the signature in base64: DER for ECDSA, PKCS #1 v1.5 for RSA. What it writes to stderr goes where the hub's goes.
 */
export function commandRoot(certificates: string, command: string, limits: CommandLimits = { timeoutMilliseconds: COMMAND_TIMEOUT_MILLISECONDS }): RootKeys {
  const [program = '', ...parameters] = command.trim().split(/\s+/);
  if (program === '') throw new AdvisedError('user', '--root-signer: is empty; give a program and its arguments');
  return {
    kind: 'Command', certificates: () => pinned(certificates),
    sign: (root, algorithm, bytes, signal) => answer(program, parameters, `${JSON.stringify({ algorithm, toBeSigned: Buffer.from(bytes).toString('base64'), root: root.fingerprint })}\n`, limits, signal),
  };
}

function pinned(path: string): readonly string[] {
  const certificates = certificatesOf(textOf('--root-certificates', path));
  if (certificates.length === 0) throw new AdvisedError('user', `--root-certificates ${path}: holds no CERTIFICATE block`);
  return certificates;
}

function textOf(option: string, path: string): string {
  try {
    if (statSync(path).size > LARGEST_FILE_BYTES) throw new AdvisedError('user', `${option} ${path}: is larger than ${LARGEST_FILE_BYTES} bytes`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof AdvisedError) throw error;
    throw new AdvisedError('user', `${option} ${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

const publicKeyOf = (key: KeyObject): Buffer => createPublicKey(key).export({ type: 'spki', format: 'der' });

/** Of a PEM file; throws a `RootKeyFailure` that never quotes it. */
function privateKeys(path: string, passphraseFile: string | undefined): readonly KeyObject[] {
  try {
    if ((statSync(path).mode & OTHERS_MAY_READ) !== 0) throw new RootKeyFailure(`root key ${path}: everybody may read it; take that right away (chmod 600)`);
    const passphrase = passphraseFile === undefined ? undefined : textOf('passphrase file', passphraseFile).replace(/\r?\n$/, '');
    const blocks = textOf('root key', path).match(PRIVATE_KEYS) ?? [];
    if (blocks.length === 0) throw new RootKeyFailure(`root key ${path}: holds no PRIVATE KEY block`);
    return blocks.map((key) => createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) }));
  } catch (error) {
    if (error instanceof RootKeyFailure) throw error;
    if (error instanceof AdvisedError) throw new RootKeyFailure(error.message);
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ENOENT' || code === 'EACCES') throw new RootKeyFailure(`root key ${path}: cannot be read (${code})`);
    throw new RootKeyFailure(`root key ${path}: cannot be opened; is it encrypted, and is the passphrase right?`);
  }
}

function signWith(key: KeyObject, algorithm: SignatureAlgorithm, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(sign(algorithm === 'ed25519' ? null : 'sha256', bytes, key));
}

function answer(program: string, parameters: readonly string[], question: string, { timeoutMilliseconds }: CommandLimits, signal: CancelSignal): Promise<Uint8Array> {
  const called = `--root-signer ${program}`;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...parameters], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    let text = '';
    let ended = false;
    const end = (problem: string | undefined): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      if (problem !== undefined) {
        killGroup(child.pid);
        reject(new RootKeyFailure(`${called}: ${problem}`));
        return;
      }
      const signature = text.trim();
      if (/^[A-Za-z0-9+/]+={0,2}$/.test(signature)) resolve(new Uint8Array(Buffer.from(signature, 'base64')));
      else reject(new RootKeyFailure(`${called}: printed no base64 signature`));
    };
    const cancel = (): void => end('was stopped with the hub');
    const timer = setTimeout(() => end(`gave no signature within ${timeoutMilliseconds / 1000} s`), timeoutMilliseconds);
    signal.addEventListener('abort', cancel, { once: true });
    child.on('error', (error: NodeJS.ErrnoException) => end(`cannot be run (${error.code ?? error.message})`));
    child.stdout.setEncoding('latin1');
    child.stdout.on('data', (part: string) => {
      text += part;
      if (text.length > LARGEST_ANSWER_CHARACTERS) end(`printed more than ${LARGEST_ANSWER_CHARACTERS} characters`);
    });
    child.on('close', (code) => end(code === 0 ? undefined : `ended with ${code === null ? 'a signal' : `status ${code}`}`));
    // A program that does not read its question has its reasons; what it prints decides.
    child.stdin.on('error', () => {});
    child.stdin.end(question);
    if (signal.aborted) cancel();
  });
}

/** The program and whatever it started: it leads a process group of its own. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
