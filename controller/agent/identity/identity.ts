/** Who this agent is: loaded, or won by a token, and renewed in time. */
import { type CertificateFacts, createCertificateRequest, endsIn, readCertificate, renewalTime, renewalTimeAfterCall, spiffeIdOfCluster } from '../../../certs/index.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import type { Random } from '../../../mesh/ports/random.ts';
import type { Signer } from '../../../mesh/ports/signer.ts';
import { type HubConnection, type HubConnector, type IdentityMaterial, TransportError } from '../../../mesh/ports/transport.ts';
import { backoffMilliseconds } from '../../runtime/backoff.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import { AdvisedError, adviceOf, messageOf } from '../../runtime/errors.ts';
import { passingRefusal, SETTLING_MILLISECONDS } from '../../runtime/settling.ts';
import { canJoin, checkIssued, joinHub, type JoinConfig } from './join.ts';
import { IDENTITY_SECRET, identityStore, type LoadedIdentity, type StoredIdentity } from './stored.ts';

export interface AgentIdentityPorts {
  readonly kubernetes: KubernetesClient;
  readonly hub: HubConnector;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface AgentIdentity {
  /** Loads the stored identity or joins, again and again while that can help, which may be so for two minutes where its API server grants nothing yet; rejects where a person must act. An expired identity counts where no token can replace it. */
  obtain(signal: CancelSignal): Promise<IdentityMaterial>;
  /** Throws before `obtain` resolved. */
  current(): IdentityMaterial;
  /** Called after each change of `current()`. Returns how to end it. */
  subscribe(listener: (identity: IdentityMaterial) => void): () => void;
  /** Renews at 50 % ± 10 % of the certificate's life, and after a renewal that the hub called for anywhere between 10 % and 60 %, until `signal` aborts. `connection`: the open one, undefined while there is none. */
  keepFresh(connection: () => HubConnection | undefined, signal: CancelSignal): Promise<void>;
  /**
   * The hub refuses what this agent holds, though it is valid: it was revoked, or its cluster removed. The token that was given may be newer; tried once in the life of a
   * process, for that is how it is given. true: there is a new identity.
   */
  rejoin(signal: CancelSignal): Promise<boolean>;
  /** Trusts these roots from now on, unless the own certificate is of none of them: whoever shows it would be refused by all who believe them; false: it keeps those that it has. Rejects with advice `retry` where a renewal wrote at the same moment. */
  adoptTrust(bundlePem: string, signal: CancelSignal): Promise<boolean>;
  /** Common name of the issuing CA of the certificate in use; undefined: there is none yet. */
  issuer(): string | undefined;
  /** The hub's call: renews what one of these issuing CAs issued as soon as it can, whatever is left of its life. */
  avoid(issuers: readonly string[]): void;
  /** A sentence for people; undefined: all is well. */
  problem(): string | undefined;
}

/** Between two renewals, however short the certificates that the hub gives. */
const RENEWAL_PAUSE = 60_000;
/** Where the hub asks for it: a key is in other hands, or a rotation goes on. */
const ASKED_RENEWAL_PAUSE = 5000;
/** While people have a look at the hub. */
const WAITING = { baseMilliseconds: 10_000, maximumMilliseconds: 10_000, jitter: 0.5 };
const BACKOFF = { baseMilliseconds: 1000, maximumMilliseconds: 60_000, jitter: 0.5 };

export function createAgentIdentity(ports: AgentIdentityPorts, config: JoinConfig): AgentIdentity {
  const { clock, random, signer, log } = ports;
  const { cluster } = config;
  const store = identityStore({ kubernetes: ports.kubernetes, namespace: config.namespace });
  const listeners = new Set<(identity: IdentityMaterial) => void>();
  let held: { readonly stored: StoredIdentity; readonly facts: CertificateFacts; readonly material: IdentityMaterial; readonly renewAt: Instant } | undefined;
  let problem: string | undefined;
  let avoided: readonly string[] = [];
  let wake = (): void => {};
  let tokenTried = !canJoin(config);
  let asked = '';
  let foreign = '';

  function renewalOf({ chainPem }: StoredIdentity, facts: CertificateFacts, uniform: number): Instant {
    if (avoided.includes(facts.issuer)) return 0;
    const called = held?.renewAt === 0;
    if (held !== undefined && !called && held.stored.chainPem === chainPem) return held.renewAt;
    return (called ? renewalTimeAfterCall : renewalTime)(facts, uniform);
  }

  function adopt(stored: StoredIdentity, facts: CertificateFacts): IdentityMaterial {
    const { keyPem, chainPem, bundlePem, trustDomain } = stored;
    const material = { cluster, trustDomain, keyPem, chainPem, bundlePem };
    held = { stored, facts, material, renewAt: renewalOf(stored, facts, random.uniform()) };
    for (const listener of listeners) listener(material);
    return material;
  }

  /** undefined: none stored. An error for a person where it cannot be this cluster's. */
  function factsOf({ keyPem, chainPem, trustDomain }: StoredIdentity): CertificateFacts | undefined {
    if (chainPem === '' || keyPem === '') return undefined;
    const where = `Secret ${config.namespace}/${IDENTITY_SECRET}`;
    const wayOut = `delete it and give this agent a new token of "isthmus join ${cluster}"`;
    let facts: CertificateFacts;
    let keyFits: boolean;
    try {
      facts = readCertificate(chainPem);
      keyFits = Buffer.compare(signer.import(keyPem).publicKeyDer, facts.publicKeyDer) === 0;
    } catch {
      throw new AdvisedError('user', `${where}: tls.crt or tls.key is damaged; ${wayOut}`);
    }
    if (!keyFits) throw new AdvisedError('user', `${where}: tls.key is not the key of tls.crt; ${wayOut}`);
    if (facts.uris[0] !== spiffeIdOfCluster(trustDomain, cluster)) {
      throw new AdvisedError('user', `${where}: is the identity of ${facts.uris[0] ?? 'nobody'}, this agent is set to cluster "${cluster}"; set the cluster's name back, or ${wayOut}`);
    }
    return facts;
  }

  const expired = (facts: CertificateFacts): string | undefined =>
    (facts.notAfter > clock.now() ? undefined : `identity of cluster "${cluster}": expired at ${toRfc3339(facts.notAfter)}; make a token with "isthmus join ${cluster}" on the hub and give it to this agent`);

  /** What is stored. Where a person deleted or damaged that, what this agent holds, as long as it is valid: a running cluster is not cut off for a Secret. */
  function usable(stored: StoredIdentity): { readonly stored: StoredIdentity; readonly facts: CertificateFacts | undefined } {
    const spare = held !== undefined && expired(held.facts) === undefined ? held : undefined;
    try {
      const facts = factsOf(stored);
      if (facts !== undefined || spare === undefined) return { stored, facts };
    } catch (error) {
      if (spare === undefined) throw error;
      log.warn({ cluster, problem: messageOf(error) }, 'the stored identity cannot be used; going on with the one in use');
    }
    return { stored: spare.stored, facts: spare.facts };
  }

  async function join(loaded: LoadedIdentity, signal: CancelSignal): Promise<IdentityMaterial> {
    const onAsking = (keySha256: string): void => {
      if (asked !== keySha256) log.info({ cluster, key: keySha256 }, 'asks the hub to join with this key');
      asked = keySha256;
    };
    const joined = await joinHub({ hub: ports.hub, signer, onAsking }, config, loaded, signal);
    // A service account has a new token every few minutes.
    tokenTried = config.serviceAccountJoin === undefined;
    const facts = readCertificate(joined.chainPem);
    log.info({ cluster, serial: facts.serial, notAfter: toRfc3339(facts.notAfter) }, 'joined the hub');
    return adopt(joined, facts);
  }

  async function loadOrJoin(signal: CancelSignal): Promise<IdentityMaterial> {
    const loaded = await store.load(signal);
    const stored = loaded.identity;
    const facts = factsOf(stored);
    if (facts === undefined) return join(loaded, signal);
    const late = expired(facts);
    problem = late;
    if (late === undefined || (config.joinToken === undefined && config.serviceAccountJoin === undefined)) return adopt(stored, facts);
    try {
      return await join(loaded, signal);
    } catch (error) {
      // What runs goes on with the last known state; only the hub and the peers refuse the old certificate.
      problem = `${late} (the given token does not help: ${messageOf(error)})`;
      log.error({ cluster, problem }, 'the identity has expired');
      return adopt(stored, facts);
    }
  }

  async function renew(connection: HubConnection | undefined, signal: CancelSignal): Promise<void> {
    const before = held;
    const loaded = await store.load(signal);
    const { stored, facts } = usable(loaded.identity);
    if (facts !== undefined && facts.notAfter > (before?.facts.notAfter ?? 0)) { adopt(stored, facts); return; }
    if (facts === undefined || (expired(facts) !== undefined && (config.joinToken !== undefined || config.serviceAccountJoin !== undefined))) { await join(loaded, signal); return; }
    if (connection === undefined) throw new TransportError('retry', 'Unreachable', 'there is no connection to the hub');
    const key = signer.generate();
    const issued = await connection.renew(createCertificateRequest(key), signal);
    checkIssued(issued, cluster, stored.trustDomain, key);
    // Roots are staged: they come with the desired state, not with a renewal.
    const latest = await store.load(signal);
    const renewed = { ...usable(latest.identity).stored, keyPem: key.exportPem(), chainPem: issued.chainPem };
    await latest.save(renewed, signal);
    const next = readCertificate(renewed.chainPem);
    log.info({ cluster, serial: next.serial, notAfter: toRfc3339(next.notAfter) }, 'renewed the identity');
    adopt(renewed, next);
  }

  /** Runs `work` until it succeeds; `forPerson` decides on failures that waiting does not cure. */
  async function persist<T>(work: () => Promise<T>, forPerson: 'throw' | 'retry', signal: CancelSignal): Promise<T | undefined> {
    let settlesUntil: Instant | undefined;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        return await work();
      } catch (error) {
        if (signal.aborted) break;
        const known = problem === messageOf(error);
        problem = messageOf(error);
        const advice = adviceOf(error);
        const waits = error instanceof TransportError && error.reason === 'Pending';
        const settles = passingRefusal(error) !== undefined && clock.now() < (settlesUntil ??= clock.now() + SETTLING_MILLISECONDS);
        if (advice !== 'retry' && forPerson === 'throw' && !settles) throw error;
        if (!waits || !known) log.warn({ cluster, problem, advice }, 'has no fresh identity yet; tries again');
        await clock.sleepUntil(clock.now() + (waits ? backoffMilliseconds(1, WAITING, random) : backoffMilliseconds(failures, BACKOFF, random)), signal);
      }
    }
    return undefined;
  }

  return {
    async obtain(signal) {
      const material = await persist(() => loadOrJoin(signal), 'throw', signal);
      if (material === undefined) throw new TransportError('retry', 'Cancelled', 'stopped before there was an identity');
      if (held !== undefined && expired(held.facts) === undefined) problem = undefined;
      return material;
    },
    current() {
      if (held === undefined) throw new Error('identity: used before obtain() resolved');
      return held.material;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => { listeners.delete(listener); };
    },
    async keepFresh(connection, signal) {
      for (let last: Instant | undefined; !signal.aborted; last = clock.now()) {
        for (let woken = true; woken && !signal.aborted;) {
          woken = false;
          const sleep = cancelWithin(signal);
          wake = () => { woken = true; sleep.abort(); };
          const earliest = last === undefined ? 0 : last + (held?.renewAt === 0 ? ASKED_RENEWAL_PAUSE : RENEWAL_PAUSE);
          await clock.sleepUntil(Math.max(held?.renewAt ?? 0, earliest), sleep.signal);
          wake = () => {};
          sleep.release();
        }
        if (signal.aborted) return;
        await persist(() => renew(connection(), signal), 'retry', signal);
        if (!signal.aborted) problem = undefined;
      }
    },
    async rejoin(signal) {
      if (tokenTried) return false;
      try {
        await join(await store.load(signal), signal);
        problem = undefined;
        return true;
      } catch (error) {
        tokenTried = config.serviceAccountJoin === undefined && adviceOf(error) !== 'retry';
        problem = messageOf(error);
        if (adviceOf(error) !== 'retry') log.warn({ cluster, problem: messageOf(error) }, 'the hub refuses this identity, and the given token does not help');
        return false;
      }
    },
    async adoptTrust(bundlePem, signal) {
      if (held === undefined || held.stored.bundlePem === bundlePem) return true;
      const loaded = await store.load(signal);
      const { stored, facts } = usable(loaded.identity);
      if (facts !== undefined && !endsIn(stored.chainPem, bundlePem)) {
        if (foreign !== bundlePem) log.warn({ cluster, issuer: facts.issuer }, 'keeps its roots: those that it was told are not of its own certificate, as what was meant for it before it joined anew; the hub tells it others');
        foreign = bundlePem;
        return false;
      }
      const trusting = { ...stored, bundlePem };
      await loaded.save(trusting, signal);
      adopt(trusting, facts ?? held.facts);
      return true;
    },
    issuer: () => held?.facts.issuer,
    avoid(issuers) {
      avoided = issuers;
      if (held === undefined || held.renewAt === 0 || !issuers.includes(held.facts.issuer)) return;
      held = { ...held, renewAt: 0 };
      wake();
    },
    problem: () => problem,
  };
}
