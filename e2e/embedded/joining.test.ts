/** Joining as a person and an agent do it, with everything that can be wrong about a token or a request; and what must never show anywhere. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as der from '../../certs/authority/der.ts';
import { OID } from '../../certs/authority/identifiers.ts';
import { createCertificateRequest, readCertificate } from '../../certs/index.ts';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { grpcHubConnector } from '../../controller/adapters/grpc/hub-connector.ts';
import { testAuthority } from '../../controller/adapters/kubernetes/testing/fake-server.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { createJoinToken } from '../../controller/runtime/new-join-token.ts';
import { decodeJoinToken, encodeJoinToken, type JoinTokenContent } from '../../controller/runtime/join-token.ts';
import { HUB_RESOURCES, JoinToken } from '../../mesh/api/resources/index.ts';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../mesh/api/resources/core.ts';
import { TransportError } from '../../mesh/ports/transport.ts';
import type { SigningKey } from '../../mesh/ports/signer.ts';
import { type AgentProcess, fetchText, type HubProcess, launchAgent, type MemberApi, type Outcome, startAgent, startHub, startMemberApi, temporaryFolder } from './hub-process.ts';

const never = new AbortController().signal;
const folder = temporaryFolder();
const outputs: string[] = [];
const tokens: string[] = [];
let hub: HubProcess;
let member: MemberApi;
let stranger: MemberApi;
let berlin: AgentProcess;

/** What `isthmus join` does; a process for each would take the test's time. */
async function tokenFor(cluster: string, lifetimeSeconds = 600): Promise<string> {
  const { data } = await hub.client.get<ConfigMapObject>(ConfigMap, { namespace: 'isthmus-system', name: 'isthmus-trust' }, never) ?? {};
  const { text, object } = createJoinToken(
    { cluster, hubAddress: data?.['hubAddress'] ?? '', trustDomain: data?.['trustDomain'] ?? '', bundlePem: data?.['bundle.pem'] ?? '', lifetimeSeconds },
    { random: systemRandom, digest: sha256Hex, now: Date.now() },
  );
  await hub.client.create(JoinToken, object, { fieldManager: 'test' }, never);
  tokens.push(text);
  return text;
}
function content(token: string): JoinTokenContent {
  const read = decodeJoinToken(token);
  if ('problem' in read) throw new Error(read.problem);
  return read;
}
/** An agent that must not come up. */
async function refused(cluster: string, token: string, ...more: string[]): Promise<Outcome> {
  const agent = await launchAgent(folder.path, cluster, stranger.kubeconfig, { token, more });
  const outcome = await agent.running.outcome();
  outputs.push(outcome.stdout, outcome.stderr);
  return outcome;
}
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

beforeAll(async () => {
  [hub, member, stranger] = await Promise.all([startHub(folder.path), startMemberApi(folder.path, 'member'), startMemberApi(folder.path, 'stranger')]);
  const made = await hub.isthmus('join', 'berlin', '--label', 'region=europe', '-o', 'token');
  expect(made.status, made.stderr).toBe(0);
  tokens.push(made.stdout.trim());
  berlin = await startAgent(folder.path, 'berlin', member.kubeconfig, made.stdout);
});
afterAll(async () => {
  await berlin.running.stop();
  await Promise.all([member.stop(), stranger.stop(), hub.stop()]);
  folder.remove();
});

describe('an agent ends with status 1 and says what to do', () => {
  test.concurrent.each<[string, string, () => Promise<string>, RegExp]>([
    ['neither token nor hub', 'oslo', () => Promise.resolve(''), /cluster "oslo": the hub's address is not set: give --hub HOST:PORT, or a join token of "isthmus join oslo"/],
    ['a hub and no token', 'oslo', () => Promise.resolve(' '), /cluster "oslo": has neither a valid identity nor a join token; make a token with "isthmus join oslo"/],
    ['no token at all but some text', 'oslo', () => Promise.resolve('hunter2-hunter2'), /join token: does not begin with "isthmus-join-v1\."; copy the whole token/],
    ['a token cut short', 'oslo', async () => (await tokenFor('oslo')).slice(0, -40), /join token: is damaged or cut short; .* make a new one with "isthmus join CLUSTER"/],
    ['a token for another cluster', 'oslo', () => tokenFor('berlin'), /join token: is for cluster "berlin", this agent is set to cluster "oslo"/],
    ['a token used before', 'berlin', () => Promise.resolve(tokens[0] ?? ''), /join token for cluster "berlin": was redeemed at .*, and a token works once; .*"isthmus join berlin"/],
    ['an expired token', 'oslo', async () => {
      const token = await tokenFor('oslo', 1);
      await new Promise((done) => { setTimeout(done, 1050); });
      return token;
    }, /join token for cluster "oslo": expired at .*; make a new one with "isthmus join oslo"/],
    ['a secret of another hub', 'oslo', async () => encodeJoinToken({ ...content(await tokenFor('oslo')), secret: Buffer.alloc(32, 7).toString('base64url') }), /join token for cluster "oslo": this hub knows no such token; .* of another hub; make a new one/],
    ['another hub\'s roots', 'oslo', async () => encodeJoinToken({ ...content(await tokenFor('oslo')), ca: testAuthority('another hub').certificatePem }), /its certificate was refused: .*Compare its roots/],
  ])('%s', async (what, cluster, token, sentence) => {
    const { status, stderr } = await refused(cluster, await token(), ...(what === 'a hub and no token' ? ['--hub', hub.gateway] : []));
    expect([status, lastLine(stderr)]).toEqual([1, expect.stringMatching(sentence)]);
    expect(lastLine(stderr)).toMatch(/^isthmus: /);
    expect(stderr).not.toMatch(/\n\s+at .*\(/);
  });

  test.concurrent('a name that is no DNS label', async () => {
    const { status, stderr } = await refused('Not_A_Label', '');
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^isthmus: --cluster: "Not_A_Label" is not a DNS label: use 1 to 63 of a-z/)]);
  });
});

describe('a certificate request over gRPC', () => {
  const redeem = async (cluster: string, csrDer: Uint8Array, token: string) => {
    const { hub: address, trustDomain, ca, secret } = content(token);
    return grpcHubConnector().join({ address, trustDomain, caPem: ca }, { cluster, secret: Buffer.from(secret, 'base64url'), csrDer }, never);
  };
  /** Says that it is oslo, in subject and extension, and is signed properly. */
  function pretending(key: SigningKey): Uint8Array {
    const name = der.sequence(der.set(der.sequence(der.objectIdentifier(OID.commonName), der.utf8('oslo'))));
    const uri = der.encode(der.sequence(der.tagged(6, Buffer.from('spiffe://isthmus.local/cluster/oslo'))));
    const extensions = der.sequence(der.objectIdentifier('1.2.840.113549.1.9.14'), der.set(der.sequence(der.sequence(der.objectIdentifier(OID.subjectAlternativeName), der.octets(uri)))));
    const info = der.sequence(der.smallInteger(0), name, der.decode(key.publicKeyDer), der.tagged(0, [extensions]));
    return der.encode(der.sequence(info, der.sequence(der.objectIdentifier(OID.ecdsaWithSha256)), der.bits(key.sign(der.encode(info)))));
  }

  test('that claims another name gets the name of its token', async () => {
    const issued = await redeem('rome', pretending(p256Signer.generate()), await tokenFor('rome'));
    expect(readCertificate(issued.chainPem).uris).toEqual(['spiffe://isthmus.local/cluster/rome']);
    expect(issued.chainPem + issued.bundlePem).not.toContain('PRIVATE KEY');
  });

  test('with a token for another name, or with no request in it, is refused and costs nothing', async () => {
    const token = await tokenFor('madrid');
    const csr = createCertificateRequest(p256Signer.generate());
    const failure = (error: unknown) => (error instanceof TransportError ? [error.advice, error.reason, error.message] : [String(error)]);
    expect(await redeem('oslo', csr, token).catch(failure)).toEqual(['user', 'TokenInvalid', expect.stringContaining('join token for cluster "oslo"')]);
    expect(await redeem('madrid', Buffer.from('noise'), token).catch(failure)).toEqual(['never', 'InvalidRequest', expect.stringMatching(/certificate request/)]);
    expect(await redeem('Not_A_Label', csr, token).catch(failure)).toEqual(['user', 'InvalidRequest', expect.stringContaining('"Not_A_Label" is not a DNS label')]);
    expect(readCertificate((await redeem('madrid', csr, token)).chainPem).uris).toEqual(['spiffe://isthmus.local/cluster/madrid']);
  });
});

test('nothing secret shows in logs, objects, metrics or errors', async () => {
  const secrets = async (client: MemberApi['client']): Promise<[string, string][]> =>
    (await client.list<SecretObject>(Secret, {}, never)).items.flatMap((secret) => Object.entries(secret.data ?? {}).map(([key, value]): [string, string] => [`${secret.metadata.name}/${key}`, value]));
  const identity = await secrets(member.client);
  const authority = await secrets(hub.client);
  expect(identity.map(([name]) => name)).toContain('isthmus-agent-identity/tls.key');
  expect(authority.length).toBeGreaterThan(0);

  // Lines of PEM bodies and of base64, so that no wrapping hides them; JSON documents hold PEM of their own.
  const needles = [
    ...tokens.map((token) => content(token).secret),
    ...[...identity, ...authority].filter(([name]) => !/\.crt$|trustDomain$/.test(name)).flatMap(([, value]) => {
      const text = Buffer.from(value, 'base64').toString();
      const pem = [...text.matchAll(/PRIVATE KEY-----([^-]+)-----END/g)].map((match) => (match[1] ?? '').replaceAll('\\n', '\n'));
      return [value, ...pem.flatMap((body) => body.split('\n').filter((line) => line.length >= 40))];
    }),
  ].filter((needle) => needle.length >= 40);
  expect(needles.length).toBeGreaterThan(tokens.length + 2);

  const objects: unknown[] = [];
  for (const kind of HUB_RESOURCES) objects.push({ kind: kind.kind, items: (await hub.client.list(kind, {}, never)).items });
  const places: Record<string, string> = {
    'the hub\'s log': hub.running.printed().stderr,
    'the agent\'s log': berlin.running.printed().stderr,
    'the refused agents\' output': outputs.join('\n'),
    'the hub\'s objects': JSON.stringify(objects),
    'the hub\'s metrics': (await hub.get('/metrics')).text + (await hub.get('/readyz')).text,
    'the agent\'s metrics': (await fetchText(`http://${berlin.health}/metrics`)).text,
    'the records': ['records.sqlite', 'records.sqlite-wal'].map((file) => join(hub.dataDir, file)).filter((file) => existsSync(file)).map((file) => readFileSync(file, 'latin1')).join(''),
    'a report': (await hub.isthmus('fleet', 'history', 'berlin', '-o', 'json')).stdout,
  };
  expect(places['the records']).toContain('SQLite format 3');
  expect(places['the hub\'s objects']).toContain('"kind":"JoinToken"');
  expect(places['the agent\'s log']).toContain('joined the hub');
  const found = Object.entries(places).flatMap(([place, text]) => [...needles, 'PRIVATE KEY'].flatMap((needle) => (text.includes(needle) ? [`${place}: ${needle.slice(0, 6)}…`] : [])));
  expect(found).toEqual([]);
});

test('every metric says what it is, and labels come from closed sets', async () => {
  const bounded: Readonly<Record<string, RegExp>> = {
    le: /^(\+Inf|[\d.e-]+)$/, kind: /^[A-Z][A-Za-z]+$/, name: /^[a-z][a-z -]{2,30}$/, controller: /^[a-z][a-z -]{2,30}$/, result: /^(success|error|requeue|requeue_after)$/,
    reason: /^[A-Za-z_]{2,40}$/, type: /^[A-Za-z]{1,30}$/, verb: /^[a-z]+$/, method: /^[A-Z]+$/, code: /^(\d{3}|<error>|error)$/, resource: /^[a-z.]+$/, group: /^[a-z0-9.-]*$/, transport: /^(udp|tcp)$/, rcode: /^[A-Z]+$/,
    verdict: /^(allowed|refused)$/, class: /^(acceptable|transient|suspicious|dangerous)$/, outcome: /^[a-z_]+$/, phase: /^[A-Za-z]+$/, state: /^(open|closed|never|invalid|prepared|active|old)$/, generation: /^\d+$/, connected: /^(true|false)$/, left: /^(third|tenth|none)$/,
    certificate: /^(identity|server|admin|remote|local|root)$/, condition: /^[A-Z][A-Za-z]+$/, status: /^(True|False|Unknown)$/,
  };
  for (const address of [hub.health, berlin.health]) {
    const lines = (await fetchText(`http://${address}/metrics`)).text.split('\n');
    const helped = new Set(lines.flatMap((line) => /^# HELP (\S+) \S.{5,}/.exec(line)?.[1] ?? []));
    const typed = lines.flatMap((line) => /^# TYPE (\S+) /.exec(line)?.[1] ?? []);
    expect(typed.length).toBeGreaterThan(20);
    expect(typed.filter((name) => !helped.has(name))).toEqual([]);
    const samples = lines.filter((line) => line !== '' && !/^(#|nodejs_|process_)/.test(line));
    const strange = samples.flatMap((line) => [...(/\{(.*)\}/.exec(line)?.[1] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
      .filter(([, label = '', value = '']) => !(bounded[label]?.test(value) ?? false) || value === 'berlin').map(([text]) => `${text} in ${line}`));
    expect(strange).toEqual([]);
    expect([samples.length > 20, samples.length < 1200]).toEqual([true, true]);
  }
});
