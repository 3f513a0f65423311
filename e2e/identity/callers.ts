/** Certificates of all sorts, good and bad, and calls with them. The hub's authority is used as the hub uses it, on a copy of its keys. */
import { type Client, Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { certificate, importedKey, leafExtensions, name, newKey, pemOf, utcTime } from '../../certs/authority/hostile/testing/craft.ts';
import { strictly } from '../../certs/authority/hostile/testing/strict.ts';
import { createAuthority, createCertificateRequest, type KeyStore } from '../../certs/index.ts';
import { fromPem } from '../../certs/pem.ts';
import { systemClock } from '../../controller/adapters/clock.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { silentLog } from '../../controller/runtime/testing/fakes.ts';
import { decodeSyncMessage } from '../../mesh/api/codec/sync.ts';
import type { SyncMessage } from '../../mesh/model/sync.ts';
import type { IdentityMaterial, MeshCertificateRole } from '../../mesh/ports/transport.ts';

export const never = new AbortController().signal;
const [ORGANIZATION, ORGANIZATIONAL_UNIT] = ['2.5.4.10', '2.5.4.11'] as const;

export interface Credentials { readonly keyPem: string; readonly chainPem: string }

export interface Issuer {
  readonly bundlePem: string;
  agent(cluster: string): IdentityMaterial;
  mesh(role: MeshCertificateRole, cluster: string): Credentials;
  hub(): Credentials;
}

/** What the store holds, for reading alone; nothing in it: an authority of its own. */
export async function issuerOf(content: string | undefined, trustDomain: string): Promise<Issuer> {
  let held = content === undefined ? undefined : { content, version: '1' };
  const keys: KeyStore = {
    load: () => Promise.resolve(held),
    save: (next) => { held = { content: next, version: '2' }; return Promise.resolve(true); },
  };
  const authority = createAuthority({ clock: systemClock, random: systemRandom, signer: p256Signer, keys, trustDomain, log: silentLog });
  await authority.open(never);
  return {
    bundlePem: authority.trust().bundlePem,
    agent(cluster) {
      const key = p256Signer.generate();
      const { chainPem, bundlePem } = authority.issueAgent(cluster, createCertificateRequest(key));
      return { cluster, trustDomain, keyPem: key.exportPem(), chainPem, bundlePem };
    },
    mesh(role, cluster) {
      const key = p256Signer.generate();
      const [issued] = authority.issueMesh(cluster, [{ role, csrDer: createCertificateRequest(key) }], 'kube-system');
      return { keyPem: key.exportPem(), chainPem: issued?.chainPem ?? '' };
    },
    hub: () => authority.serverMaterial('127.0.0.1'),
  };
}

/** Signed with the hub's very key, as the hub never would: `content` is its document, the hours count from now. */
export function signedByHub(content: string, uri: string, [fromHours, toHours]: readonly [number, number]): Credentials {
  const { issuers } = JSON.parse(content) as { readonly issuers: readonly { readonly certificatePem: string; readonly keyPem: string; readonly state: string }[] };
  const issuing = issuers.find(({ state }) => state === 'active') ?? issuers[0];
  if (issuing === undefined) throw new Error('the hub has no issuing CA');
  const [signer, key] = [importedKey(issuing.keyPem), newKey()];
  const time = (hours: number): Uint8Array => utcTime(`${new Date(Date.now() + hours * 3_600_000).toISOString().replaceAll(/[-:T]|\.\d+/g, '').slice(2)}`);
  const subject = strictly(fromPem('CERTIFICATE', issuing.certificatePem)[0] ?? new Uint8Array()).parts[0]?.parts[5]?.whole ?? new Uint8Array();
  const leaf = certificate(key, signer, Date.now(), { issuer: subject, notBefore: time(fromHours), notAfter: time(toHours), extensions: leafExtensions(key, signer, uri) });
  return { keyPem: key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, chainPem: pemOf(leaf) + issuing.certificatePem };
}

/** A certificate for `cluster` that an agent signed with its own key, as if it were an authority. */
export function signedByAgent(agent: IdentityMaterial, cluster: string): Credentials {
  const [signer, key] = [importedKey(agent.keyPem), newKey()];
  const leaf = certificate(key, signer, Date.now(), {
    issuer: name([ORGANIZATION, 'Isthmus'], [ORGANIZATIONAL_UNIT, agent.cluster]), extensions: leafExtensions(key, signer, `spiffe://${agent.trustDomain}/cluster/${cluster}`),
  });
  return { keyPem: key.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, chainPem: pemOf(leaf) + agent.chainPem };
}

export interface Outcome {
  /** undefined: the stream is still open. */
  readonly code: status | undefined;
  readonly details: string;
  readonly response?: Uint8Array;
  readonly messages: readonly SyncMessage[];
}

const raw = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
const LONGEST_MILLISECONDS = 10_000;

/** One call with this request. A stream is given it as its one message and cut off once `enough` says so of what came back. */
export function call(client: Client, method: { readonly path: string; readonly stream: boolean }, request: Uint8Array, enough: (message: SyncMessage) => boolean = () => false): Promise<Outcome> {
  const options = { deadline: Date.now() + LONGEST_MILLISECONDS };
  if (!method.stream) {
    return new Promise((resolve) => {
      client.makeUnaryRequest(method.path, raw, (bytes) => bytes, request, new Metadata(), options, (error, response) => {
        resolve(error === null ? { code: status.OK, details: '', messages: [], ...(response === undefined ? {} : { response }) } : { code: error.code, details: error.details, messages: [] });
      });
    });
  }
  return new Promise((resolve) => {
    const stream = client.makeBidiStreamRequest(method.path, raw, (bytes) => bytes, new Metadata(), options);
    const messages: SyncMessage[] = [];
    stream.on('data', (bytes: Uint8Array) => {
      const message = decodeSyncMessage(bytes);
      messages.push(message);
      if (!enough(message)) return;
      resolve({ code: undefined, details: '', messages });
      stream.cancel();
    });
    stream.on('error', () => {});
    stream.on('status', ({ code, details }: StatusObject) => resolve({ code, details, messages }));
    stream.write(request);
  });
}
