/** The hub's certificate authority. */
import type { Instant } from '../../mesh/model/instant.ts';
import { clusterNameProblem } from '../../mesh/model/names.ts';
import type { TrustState } from '../../mesh/model/desired.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Random } from '../../mesh/ports/random.ts';
import type { Signer } from '../../mesh/ports/signer.ts';
import type { IssuedIdentity, MeshCertificate, MeshCertificateRequest, ServerMaterial } from '../../mesh/ports/transport.ts';
import { spiffeIdOfCluster, trustDomainProblem } from '../names.ts';
import { activeIssuer, BACKDATE, renewalTime } from '../policy/schedule.ts';
import { randomSerial, serialText, signCertificate } from './certificate.ts';
import { type LoadedAuthority, loadAuthority, maintainDocument, newDocument } from './chain.ts';
import { type AuthorityDocument, AuthorityUnusable, generationOf, type KeyStore, parseDocument } from './document.ts';
import { agentProfile, hubProfile, type LeafProfile, meshProfile } from './leaves.ts';
import { readCertificateRequest } from './request.ts';

export interface AuthorityPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly signer: Signer;
  readonly keys: KeyStore;
  readonly trustDomain: string;
  readonly log: Log;
}

export interface IssuedAgent extends IssuedIdentity {
  readonly serial: string;
  readonly issuer: string;
  /** Of the issuing CA: 1 for the first, one more with each renewal. */
  readonly issuingCaGeneration: number;
  readonly spiffeId: string;
  /** What the request proved to hold. */
  readonly publicKeyDer: Uint8Array;
}

/** All but `open` and `keepFresh` need a finished `open`; a refused request is a `CertificateRequestRejected`. */
export interface Authority {
  /** Loads the keys, or makes and stores them where there are none; of several hubs at once one makes them. Throws `AuthorityUnusable` and what the KeyStore throws. */
  open(signal: CancelSignal): Promise<void>;
  /** Renews the issuing CA in time, and sees other hubs' renewals, until `signal` aborts. */
  keepFresh(signal: CancelSignal): Promise<void>;
  trust(): TrustState;
  issueAgent(cluster: string, requestDer: Uint8Array): IssuedAgent;
  /** `namespace`: where the cluster's Cilium runs. */
  issueMesh(cluster: string, requests: readonly MeshCertificateRequest[], namespace: string): MeshCertificate[];
  /** The hub's own certificate for `host`, made anew at half its life: ask at every handshake. */
  serverMaterial(host: string): ServerMaterial;
}

/** How often a hub looks whether another one has renewed; retries after a failure come as often. */
const RELOAD_INTERVAL = 60 * 60_000;
const RETRY_INTERVAL = 60_000;
const SAVE_ATTEMPTS = 5;
const MESH_ROLES = 4;

/** What a certificate can hold. */
const wholeSeconds = (instant: Instant): Instant => Math.floor(instant / 1000) * 1000;

export function createAuthority(ports: AuthorityPorts): Authority {
  const { clock, random, signer, keys, trustDomain, log } = ports;
  const problem = trustDomainProblem('trust domain', trustDomain);
  if (problem !== undefined) throw new AuthorityUnusable(problem);
  let held: { readonly document: AuthorityDocument; readonly issuers: readonly LoadedAuthority[] } | undefined;
  let server: { readonly host: string; readonly bundlePem: string; readonly renewAt: Instant; readonly material: ServerMaterial } | undefined;

  async function open(signal: CancelSignal): Promise<Instant> {
    for (let attempt = 0; attempt < SAVE_ATTEMPTS; attempt++) {
      const stored = await keys.load(signal);
      const now = clock.now();
      const before = stored === undefined ? undefined : parseDocument(stored.content, trustDomain);
      const { document, nextAt } = maintainDocument(before ?? newDocument(trustDomain, signer, random, now), signer, random, now);
      if (document !== before) {
        if (!await keys.save(JSON.stringify(document), stored?.version, signal)) continue;
        log.info({ issuers: document.issuers.length, roots: document.roots.length }, before === undefined ? 'made a certificate authority' : 'renewed the issuing certificate authority');
      }
      held = { document, issuers: document.issuers.map((issuer) => loadAuthority(issuer, signer)) };
      return nextAt;
    }
    throw new Error(`certificate authority: ${SAVE_ATTEMPTS} attempts to store it met another writer; it is tried again`);
  }

  const opened = () => {
    if (held === undefined) throw new Error('certificate authority: used before open() finished');
    return held;
  };
  const bundleOf = (document: AuthorityDocument): string => document.roots.map((root) => root.certificatePem).join('');

  function issue(profile: LeafProfile, publicKeyDer: Uint8Array) {
    const now = clock.now();
    const { document, issuers } = opened();
    const active = activeIssuer(issuers, now);
    const issuer = issuers[active];
    if (issuer === undefined) throw new AuthorityUnusable('certificate authority: its issuing CA has expired and no new one could be stored; see the hub\'s log for why');
    const validity = { notBefore: wholeSeconds(now - BACKDATE), notAfter: wholeSeconds(Math.min(now + profile.lifetime, issuer.notAfter)) };
    const serial = randomSerial(random);
    const leaf = signCertificate({
      subject: profile.subject, issuer: issuer.name, validity, publicKeyDer, issuerPublicKeyDer: issuer.key.publicKeyDer,
      usage: profile.usage, names: profile.names, serial,
    }, issuer.key);
    return { chainPem: leaf + issuer.certificatePem, bundlePem: bundleOf(document), serial: serialText(serial), issuer: issuer.name.commonName ?? '', issuingCaGeneration: generationOf(document, active), ...validity };
  }

  return {
    open: async (signal) => { await open(signal); },
    async keepFresh(signal) {
      while (!signal.aborted) {
        let next = clock.now() + RETRY_INTERVAL;
        try {
          next = Math.min(await open(signal), clock.now() + RELOAD_INTERVAL);
        } catch (error) {
          if (!signal.aborted) log.error({ problem: (error as Error).message }, 'cannot load or renew the certificate authority');
        }
        await clock.sleepUntil(next, signal);
      }
    },
    trust() {
      const { document } = opened();
      return { trustDomain, sequence: document.sequence, bundlePem: bundleOf(document) };
    },
    issueAgent(cluster, requestDer) {
      const wrongName = clusterNameProblem('cluster', cluster);
      if (wrongName !== undefined) throw new Error(wrongName);
      const publicKeyDer = readCertificateRequest(requestDer, signer);
      const { chainPem, bundlePem, notAfter, serial, issuer, issuingCaGeneration } = issue(agentProfile(trustDomain, cluster), publicKeyDer);
      return { chainPem, bundlePem, trustDomain, notAfter, serial, issuer, issuingCaGeneration, spiffeId: spiffeIdOfCluster(trustDomain, cluster), publicKeyDer };
    },
    issueMesh(cluster, requests, namespace) {
      const wrongName = clusterNameProblem('cluster', cluster);
      if (wrongName !== undefined) throw new Error(wrongName);
      if (requests.length > MESH_ROLES) throw new Error(`mesh certificates: ${requests.length} requests in one call; there are ${MESH_ROLES} roles`);
      return requests.map(({ role, csrDer }) => {
        const { chainPem, bundlePem, notAfter } = issue(meshProfile(role, cluster, namespace), readCertificateRequest(csrDer, signer));
        return { role, chainPem, bundlePem, notAfter };
      });
    },
    serverMaterial(host) {
      const bundlePem = bundleOf(opened().document);
      if (server === undefined || server.host !== host || server.bundlePem !== bundlePem || server.renewAt <= clock.now()) {
        const key = signer.generate();
        const { chainPem, ...validity } = issue(hubProfile(trustDomain, host), key.publicKeyDer);
        server = { host, bundlePem, renewAt: renewalTime(validity, 0.5), material: { keyPem: key.exportPem(), chainPem, bundlePem, trustDomain } };
      }
      return server.material;
    },
  };
}
