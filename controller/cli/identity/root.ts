/** `isthmus identity root init|sign`: the root of a fleet, on a machine that needs no network. */
import { createPrivateKey } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { certificatesOf, initRoot, RootKeyFailure, signIssuingRequest } from '../../../certs/index.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { systemRandom } from '../../adapters/random.ts';
import { fileRoot } from '../../adapters/root-keys.ts';
import { p256Signer } from '../../adapters/signer.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { registerRootOfHub } from './root-hub.ts';

const KEY_FILE = 'root.key.pem';
const CERTIFICATE_FILE = 'root.crt.pem';
const DAY_MILLISECONDS = 86_400_000;
const DEFAULT_YEARS = 10;
const MOST_YEARS = 30;
const SHORTEST_PASSPHRASE = 12;

interface InitOptions { readonly trustDomain: string; readonly out: string; readonly years: string; readonly passphraseFile?: string }
interface SignOptions {
  readonly key: string; readonly request: string; readonly out: string; readonly certificate?: string; readonly trustDomain?: string;
  readonly permit: readonly string[]; readonly permitAnyHost?: true; readonly passphraseFile?: string;
}

export function registerRoot(identity: Command, environment: (command: Command) => Environment): void {
  const root = identity.command('root').description('the root of a fleet\'s trust, where its key is kept away from the hub: init and sign need no hub and no network');
  registerRootOfHub(root, environment);
  root.command('init').description(`make a root: ${KEY_FILE}, readable by you alone, and ${CERTIFICATE_FILE}`)
    .requiredOption('--trust-domain <name>', 'of the fleet, as the hub has it; the root can sign for no other')
    .requiredOption('--out <folder>', 'where both files go; nothing there is written over')
    .option('--years <number>', `how long it is valid, 1 to ${MOST_YEARS}`, String(DEFAULT_YEARS))
    .option('--passphrase-file <path>', 'file with the passphrase that encrypts the key; its last line break does not count')
    .action((options: InitOptions, command: Command) => { init(environment(command), options); });
  root.command('sign').description('sign the issuing CA that a hub asks for: 90 days, for this trust domain alone, no authority below it')
    .requiredOption('--key <path>', 'the root\'s private key, PEM: P-256, RSA or Ed25519')
    .requiredOption('--request <path>', 'the hub\'s request (CSR), PEM; only its key counts')
    .requiredOption('--out <path>', 'file for the signed certificate; it must not exist')
    .option('--certificate <path>', `the root's certificate (default: ${CERTIFICATE_FILE} beside the key)`)
    .option('--permit <host>', 'a name or address by which agents reach the hub; repeatable', (host: string, all: readonly string[]) => [...all, host], [] as readonly string[])
    .addOption(new Option('--permit-any-host', 'leave host names and addresses free: only URIs are bound to the trust domain').conflicts('permit'))
    .option('--trust-domain <name>', 'where the root\'s certificate does not say it: roots made by other tools')
    .option('--passphrase-file <path>', 'file with the passphrase of the key')
    .action((options: SignOptions, command: Command) => sign(environment(command), options));
}

function init({ out, err, now }: Pick<Environment, 'out' | 'err' | 'now'>, options: InitOptions): void {
  const years = Number(options.years);
  if (!Number.isInteger(years) || years < 1 || years > MOST_YEARS) throw new UsageProblem(`--years ${options.years}: give a whole number from 1 to ${MOST_YEARS}`);
  const passphrase = options.passphraseFile === undefined ? undefined : read('--passphrase-file', options.passphraseFile).replace(/\r?\n$/, '');
  if (passphrase !== undefined && passphrase.length < SHORTEST_PASSPHRASE) throw new UsageProblem(`--passphrase-file ${options.passphraseFile}: the passphrase has less than ${SHORTEST_PASSPHRASE} characters`);
  let made;
  try {
    made = initRoot(options.trustDomain, years * 365 * DAY_MILLISECONDS, p256Signer, systemRandom, now());
  } catch (error) {
    throw new UsageProblem(`--${(error as Error).message.replace('trust domain', 'trust-domain')}`);
  }
  const plain = made.key.exportPem();
  const keyPem = passphrase === undefined ? plain : createPrivateKey(plain).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }) as string;
  try {
    mkdirSync(options.out, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CommandFailure(`--out ${options.out}: cannot be made (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  const [keyPath, certificatePath] = [join(options.out, KEY_FILE), join(options.out, CERTIFICATE_FILE)];
  writeNew(keyPath, keyPem, 0o600);
  writeNew(certificatePath, made.certificatePem, 0o644);
  err(`${keyPath}: ${passphrase === undefined ? 'NOT encrypted: ' : ''}keep it away from the hub and from networks, and keep a copy: without it no issuing CA can be signed\n`);
  out(`${certificatePath}\n`);
}

async function sign({ out, err, now, signal }: Pick<Environment, 'out' | 'err' | 'now' | 'signal'>, options: SignOptions): Promise<void> {
  const certificate = options.certificate ?? join(dirname(options.key), CERTIFICATE_FILE);
  const rootPem = read('--certificate', certificate);
  const keys = fileRoot(certificate, options.key, options.passphraseFile);
  const hosts = options.permitAnyHost === true ? undefined : options.permit;
  let signed;
  try {
    signed = await signIssuingRequest({
      rootPem: certificatesOf(rootPem).join(''), requestPem: read('--request', options.request), trustDomain: options.trustDomain, hosts,
      sign: (root, algorithm, bytes) => keys.sign(root, algorithm, bytes, signal), signer: p256Signer, random: systemRandom, now: now(),
    });
  } catch (error) {
    if (error instanceof UsageProblem || error instanceof RootKeyFailure) throw error;
    throw new CommandFailure((error as Error).message);
  }
  writeNew(options.out, signed.certificatePem, 0o644);
  const { issued, trustDomain } = signed;
  const names = hosts === undefined ? 'any host' : ['the mesh\'s names', ...hosts].join(', ');
  err(`signed ${issued.subject}, serial ${issued.serial}\n  for URIs of ${trustDomain}, and ${names}\n  until ${toRfc3339(issued.notAfter)}; SHA-256 ${issued.fingerprint}\n`);
  out(`${options.out}\n`);
}

function read(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageProblem(`${option} ${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
}

/** Never writes over what is there: it may be a root that a fleet trusts. */
function writeNew(path: string, text: string, mode: number): void {
  try {
    writeFileSync(path, text, { flag: 'wx', mode });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new CommandFailure(code === 'EEXIST' ? `${path}: is there already, and is not written over; give another place` : `${path}: cannot be written (${code ?? String(error)})`);
  }
}
