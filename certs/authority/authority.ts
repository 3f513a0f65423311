/** The hub's certificate authority. */
import type { Instant } from '../../mesh/model/instant.ts';
import { clusterNameProblem } from '../../mesh/model/names.ts';
import type { TrustState } from '../../mesh/model/desired.ts';
import { BACKDATED_MILLISECONDS } from '../../mesh/model/revocation.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Random } from '../../mesh/ports/random.ts';
import type { Signer } from '../../mesh/ports/signer.ts';
import type { IssuedIdentity, MeshCertificate, MeshCertificateRequest, ServerMaterial } from '../../mesh/ports/transport.ts';
import { spiffeIdOfCluster, trustDomainProblem } from '../names.ts';
import { leafProblem } from '../policy/leaf.ts';
import { begun, moved, rolledBack } from '../policy/rotation.ts';
import { renewalTime } from '../policy/schedule.ts';
import { bundleOf, signersOf } from '../policy/signing.ts';
import { randomSerial, serialText, signCertificate } from './certificate.ts';
import { type LoadedIssuer, loadIssuer } from './chain.ts';
import { AuthorityUnusable, type KeyStore } from './document.ts';
import { installed } from './install.ts';
import { type Change, createKeeper } from './keeper.ts';
import { agentProfile, hubProfile, type LeafProfile, meshProfile } from './leaves.ts';
import { nextRoot } from './maintain.ts';
import { readCertificateRequest } from './request.ts';
import type { RootKeys } from './root-keys.ts';
import type { AuthorityControl, AuthorityState } from './state.ts';
import { taintedBy } from './taint.ts';

export interface AuthorityPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly signer: Signer;
  readonly keys: KeyStore;
  readonly trustDomain: string;
  readonly log: Log;
  /** Where the root's key is; undefined: the authority makes a root and keeps its key beside its own. */
  readonly roots?: RootKeys;
  /** By which agents reach this hub: what issuing CAs may sign for beside the mesh's names; undefined: not known, any name. */
  readonly hosts?: readonly string[];
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

interface IssuedMeshCertificate extends MeshCertificate {
  readonly serial: string;
  readonly issuingCaGeneration: number;
}

/** All but `open` and `keepFresh` need a finished `open`; a refused request is a `CertificateRequestRejected`. */
export interface Authority extends AuthorityControl {
  /** Loads the keys, or makes and stores them where there are none; of several hubs at once one makes them. An issuing CA may still be missing: see `state`. Throws `AuthorityUnusable` and what the KeyStore throws. */
  open(signal: CancelSignal): Promise<void>;
  /** Renews the issuing CA in time, and sees other hubs' renewals, until `signal` aborts. */
  keepFresh(signal: CancelSignal): Promise<void>;
  trust(): TrustState;
  /** The public key that a request proves to hold; nothing is signed. */
  keyOfRequest(requestDer: Uint8Array): Uint8Array;
  issueAgent(cluster: string, requestDer: Uint8Array): IssuedAgent;
  /** `namespace`: where the cluster's Cilium runs. */
  issueMesh(cluster: string, requests: readonly MeshCertificateRequest[], namespace: string): IssuedMeshCertificate[];
  /** The hub's own certificate for `host`, made anew at half its life: ask at every handshake. */
  serverMaterial(host: string): ServerMaterial;
}

/** How often a hub looks whether another one has renewed; retries after a failure come as often. */
const RELOAD_INTERVAL = 60 * 60_000;
const RETRY_INTERVAL = 60_000;
const MESH_ROLES = 4;

/** What a certificate can hold. */
const wholeSeconds = (instant: Instant): Instant => Math.floor(instant / 1000) * 1000;

export function createAuthority(ports: AuthorityPorts): Authority {
  const { clock, random, signer, trustDomain, log } = ports;
  const problem = trustDomainProblem('trust domain', trustDomain);
  if (problem !== undefined) throw new AuthorityUnusable(problem);
  const workshop = { trustDomain, signer, random, roots: ports.roots, hosts: ports.hosts };
  const { write, opened, state, onChange } = createKeeper(ports, workshop);
  let server: { readonly host: string; readonly bundlePem: string; readonly issuer: number; readonly renewAt: Instant; readonly material: ServerMaterial } | undefined;

  const changeTo = async (change: Change, signal: CancelSignal): Promise<AuthorityState> => {
    await write(change, signal);
    return state();
  };

  function signerOf(side: 'client' | 'server'): LoadedIssuer {
    const { document, issuers } = opened();
    const stored = signersOf(document)[side];
    if (stored === undefined) throw new AuthorityUnusable('certificate authority: has no issuing CA yet; see "isthmus identity show" and the hub\'s log for what it waits for');
    const loaded = issuers.get(stored.generation) ?? loadIssuer(stored, signer);
    issuers.set(stored.generation, loaded);
    if (loaded.notAfter <= clock.now()) throw new AuthorityUnusable('certificate authority: its issuing CA has expired and no new one could be stored; see the hub\'s log for why');
    return loaded;
  }

  function issue(profile: LeafProfile, publicKeyDer: Uint8Array) {
    const now = clock.now();
    const issuer = signerOf(profile.side);
    const validity = { notBefore: wholeSeconds(Math.max(now - BACKDATED_MILLISECONDS, issuer.notBefore)), notAfter: wholeSeconds(Math.min(now + profile.lifetime, issuer.notAfter)) };
    const serial = randomSerial(random);
    const template = { subject: profile.subject, issuer, validity, publicKeyDer, usage: profile.usage, names: profile.names, serial };
    const wrong = leafProblem(template, issuer);
    if (wrong !== undefined) throw new AuthorityUnusable(`certificate authority: a certificate was not signed, because ${wrong}`);
    const leaf = signCertificate(template, issuer.key);
    return { chainPem: leaf + issuer.chainPem, bundlePem: bundleOf(opened().document), serial: serialText(serial), issuer: issuer.commonName, issuingCaGeneration: issuer.generation, ...validity };
  }

  return {
    open: async (signal) => { await write(undefined, signal); },
    async keepFresh(signal) {
      while (!signal.aborted) {
        let next = clock.now() + RETRY_INTERVAL;
        try {
          const due = await write(undefined, signal);
          if (opened().failure === undefined) next = Math.min(due, clock.now() + RELOAD_INTERVAL);
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
    state,
    onChange,
    begin: (order, signal) => changeTo((document, now) => begun(document, order, () => nextRoot(workshop, document.roots, now), now), signal),
    move: (id, to, signal) => changeTo((document, now) => moved(document, id, to, now), signal),
    rollBack: (id, signal) => changeTo((document, now) => rolledBack(document, id, now), signal),
    taint: (which, at, signal) => changeTo((document) => taintedBy(document, which, at), signal),
    install: (pem, signal) => changeTo((document, now) => installed(pem, document, { trustDomain, signer, hosts: ports.hosts ?? [], now }), signal),
    keyOfRequest: (requestDer) => readCertificateRequest(requestDer, signer),
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
        const { chainPem, bundlePem, notAfter, serial, issuingCaGeneration } = issue(meshProfile(role, cluster, namespace), readCertificateRequest(csrDer, signer));
        return { role, chainPem, bundlePem, notAfter, serial, issuingCaGeneration };
      });
    },
    serverMaterial(host) {
      const bundlePem = bundleOf(opened().document);
      const issuer = signersOf(opened().document).server?.generation ?? 0;
      if (server === undefined || server.host !== host || server.bundlePem !== bundlePem || server.issuer !== issuer || server.renewAt <= clock.now()) {
        const key = signer.generate();
        const { chainPem, ...validity } = issue(hubProfile(trustDomain, host), key.publicKeyDer);
        server = { host, bundlePem, issuer, renewAt: renewalTime(validity, 0.5), material: { keyPem: key.exportPem(), chainPem, bundlePem, trustDomain } };
      }
      return server.material;
    },
  };
}
