import { generateKeyPairSync, verify } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { initRoot, RootKeyFailure } from '../../certs/index.ts';
import { factsOf } from '../../certs/authority/chain.ts';
import { systemRandom } from './random.ts';
import { commandRoot, fileRoot, offlineRoot } from './root-keys.ts';
import { rootKeysOf } from './root-options.ts';
import { p256Signer } from './signer.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-root-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string, mode = 0o600): string => {
  writeFileSync(join(folder, name), text, { mode });
  return join(folder, name);
};
const made = initRoot('mesh.example', 86_400_000_000, p256Signer, systemRandom, Date.now());
const root = factsOf(made.certificatePem);
const certificates = file('root.crt.pem', made.certificatePem);
const bytes = new Uint8Array(Buffer.from('to be signed'));
const signal = new AbortController().signal;
const failure = (work: Promise<unknown>): Promise<string> => work.then(() => 'signed', (error: unknown) => {
  expect(error).toBeInstanceOf(RootKeyFailure);
  return (error as Error).message;
});

describe('a command', () => {
  const program = (body: string): string => `${process.execPath} ${file(`program-${Math.random()}.mjs`, body)}`;
  const ask = (body: string, timeoutMilliseconds = 10_000, within = signal): Promise<string> =>
    failure(commandRoot(certificates, program(body), { timeoutMilliseconds }).sign(root, 'ecdsa-with-SHA256', bytes, within));

  test('gets one line of JSON, and its base64 is the signature', async () => {
    const heard = join(folder, 'heard');
    const signed = await commandRoot(certificates, program(`
      import { readFileSync, writeFileSync } from 'node:fs';
      writeFileSync(${JSON.stringify(heard)}, readFileSync(0));
      console.log(Buffer.from('signature').toString('base64'));`)).sign(root, 'ecdsa-with-SHA256', bytes, signal);
    expect(Buffer.from(signed!).toString()).toBe('signature');
    const line = readFileSync(heard, 'utf8');
    expect(line.endsWith('\n')).toBe(true);
    expect(JSON.parse(line)).toEqual({ algorithm: 'ecdsa-with-SHA256', toBeSigned: Buffer.from(bytes).toString('base64'), root: root.fingerprint });
  });
  test('that fails, prints something else, too much, or nothing', async () => {
    expect(await ask('process.exit(3)')).toMatch(/ended with status 3$/);
    expect(await ask('console.log("no signature!")')).toMatch(/printed no base64 signature$/);
    expect(await ask('')).toMatch(/printed no base64 signature$/);
    expect(await ask('setInterval(() => process.stdout.write("A".repeat(1000)), 1)')).toMatch(/printed more than 8192 characters$/);
    expect(await failure(commandRoot(certificates, '/no/such/program --key 1').sign(root, 'ecdsa-with-SHA256', bytes, signal))).toMatch(/--root-signer \/no\/such\/program: cannot be run \(ENOENT\)$/);
    expect(() => commandRoot(certificates, '  ')).toThrow(/is empty/);
  });
  test('that hangs is ended with whatever it started', async () => {
    const pids = join(folder, 'pids');
    // A shell: it has started another by then on a slow machine too.
    const hanging = commandRoot(certificates, `sh ${file('hangs.sh', `sleep 1000 & echo $! > '${pids}'; wait`)}`, { timeoutMilliseconds: 1500 });
    expect(await failure(hanging.sign(root, 'ecdsa-with-SHA256', bytes, signal))).toMatch(/gave no signature within 1.5 s$/);
    const pid = Number(readFileSync(pids, 'utf8'));
    const running = (): boolean => {
      try {
        // A zombie that nobody waits for has ended, too.
        return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
      } catch {
        return false;
      }
    };
    for (let count = 0; running() && count < 300; count++) await sleep(100);
    expect(running()).toBe(false);
  });
  test('is stopped with the hub', async () => {
    const stop = new AbortController();
    const asked = ask('setInterval(() => {}, 1000)', 30_000, stop.signal);
    await sleep(300);
    stop.abort();
    expect(await asked).toMatch(/was stopped with the hub$/);
    expect(await ask('', 30_000, stop.signal)).toMatch(/was stopped with the hub$/);
  });
});

describe('a file', () => {
  const other = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  test('may hold several keys: that of the asked root signs', async () => {
    const signature = await fileRoot(certificates, file('keys.pem', other + made.key.exportPem())).sign(root, 'ecdsa-with-SHA256', bytes, signal);
    expect(verify('sha256', bytes, { key: Buffer.from(root.publicKeyDer), format: 'der', type: 'spki' }, signature!)).toBe(true);
  });
  test('that is not there, is another key\'s, is broken, or may be read by everybody; no text of it is shown', async () => {
    const sign = (path: string): Promise<string> => failure(fileRoot(certificates, path).sign(root, 'ecdsa-with-SHA256', bytes, signal));
    expect(await sign(join(folder, 'absent'))).toMatch(/cannot be read \(ENOENT\)/);
    expect(await sign(file('other.pem', other))).toMatch(/holds no key of the root with fingerprint [0-9a-f]{64}$/);
    const broken = await sign(file('broken.pem', made.key.exportPem().replace(/\n(.{10})/, '\n!$1')));
    expect(broken).toMatch(/cannot be opened/);
    expect(broken).not.toContain('BEGIN');
    expect(await sign(file('empty.pem', 'hello'))).toMatch(/holds no PRIVATE KEY block/);
    const open = file('open.pem', made.key.exportPem());
    chmodSync(open, 0o604);
    expect(await sign(open)).toMatch(/everybody may read it/);
  });
});

test('pinned certificates are read anew each time; a folder, nothing and something huge are sentences', () => {
  const path = file('pinned.pem', `# ours\n${made.certificatePem}`);
  const offline = offlineRoot(path);
  expect(offline.certificates()).toEqual([made.certificatePem]);
  file('pinned.pem', made.certificatePem + made.certificatePem);
  expect(offline.certificates()).toHaveLength(2);
  expect(() => offlineRoot(folder).certificates()).toThrow(/--root-certificates .*EISDIR/);
  expect(() => offlineRoot(file('none.pem', '')).certificates()).toThrow(/holds no CERTIFICATE block/);
  expect(() => offlineRoot(file('huge.pem', 'x'.repeat(70_000))).certificates()).toThrow(/larger than 65536/);
});

test('flags of the hub that say where the root is', () => {
  expect(rootKeysOf({ root: 'managed' })).toBeUndefined();
  expect(rootKeysOf({ root: 'offline', rootCertificates: certificates })?.kind).toBe('Offline');
  expect(rootKeysOf({ root: 'managed', rootCertificates: certificates, rootKeyFile: 'x' })?.kind).toBe('File');
  expect(rootKeysOf({ root: 'managed', rootCertificates: certificates, rootSigner: 'x' })?.kind).toBe('Command');
  for (const [options, message] of [
    [{ root: 'offline', rootCertificates: certificates, rootKeyFile: 'x' }, /--root=offline and --root-key-file: .*one place/],
    [{ root: 'managed', rootCertificates: certificates, rootKeyFile: 'x', rootSigner: 'y' }, /one place/],
    [{ root: 'offline' }, /--root=offline: give --root-certificates/],
    [{ root: 'managed', rootCertificates: certificates }, /leave it out/],
    [{ root: 'managed', rootPassphraseFile: 'x' }, /is for --root-key-file/],
    [{ root: 'offline', rootCertificates: '/no/such/file' }, /ENOENT/],
  ] as const) expect(() => rootKeysOf(options)).toThrow(message);
});
