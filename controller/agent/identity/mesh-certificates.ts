/** Keeps the cluster's mesh certificates issued by the hub's authority, in the Secrets that Cilium reads. Others' Secrets are left alone and reported. */
import { createCertificateRequest } from '../../../certs/index.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import type { Random } from '../../../mesh/ports/random.ts';
import type { Signer } from '../../../mesh/ports/signer.ts';
import type { HubConnection, IdentityMaterial, MeshCertificate, MeshCertificateRole } from '../../../mesh/ports/transport.ts';
import { applyObject } from '../../runtime/apply.ts';
import { backoffMilliseconds } from '../../runtime/backoff.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { CertificateDrift } from './certificate-drift.ts';
import { goodUntil, isOurs, isSound, issuerOf, leafOf, MESH_ROLES, type MeshLeaf, meshSecret, meshSecretName, namesFit, othersIn } from './mesh-secrets.ts';

export interface MeshCertificatePorts {
  readonly kubernetes: KubernetesClient;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Its roots are the ones that the Secrets hold. */
  readonly identity: { current(): IdentityMaterial; subscribe(listener: () => void): () => void };
  /** The open connection, undefined while there is none. */
  readonly connection: () => HubConnection | undefined;
  /** Tells what others changed, and knows what may be written over; absent: nothing may. */
  readonly drift?: CertificateDrift;
  /** Called when what `problems` gives has changed. */
  readonly onChange?: () => void;
}

export interface MeshCertificates {
  /** Issues what is missing, renews at half-life, follows a change of roots, until `signal` aborts. */
  start(signal: CancelSignal): Promise<void>;
  /** Sentences for people; empty: all four Secrets are in place, ours or sound ones of others; undefined: not looked at since the start. */
  problems(): readonly string[] | undefined;
  /** What all four Secrets hold; undefined: one of them is not in place, or not looked at since the start. */
  inPlace(): MeshTrust | undefined;
  /** Those that the Secrets held at the last look or write, others' too; empty: none, or not looked at since the start. */
  leaves(): ReadonlyMap<MeshCertificateRole, MeshLeaf>;
  /** Renews leaves of these issuing CAs as soon as it can, whatever is left of their lives. */
  avoid(issuers: Avoided): void;
}

interface MeshTrust {
  readonly bundlePem: string;
  /** Common names of issuing CAs; one each, or two while they are renewed. */
  readonly clientIssuers: readonly string[];
  readonly serverIssuers: readonly string[];
}

interface Avoided {
  readonly clients: readonly string[];
  readonly servers: readonly string[];
}

/** May be written over as long as the Secret has this version. */
interface Permitted {
  readonly spends: readonly string[];
  readonly version: string | undefined;
}

/** How soon a Secret that somebody deleted comes back. */
const LOOK_INTERVAL = 60_000;
const BACKOFF = { baseMilliseconds: 1000, maximumMilliseconds: 60_000, jitter: 0.5 };

export function createMeshCertificates(ports: MeshCertificatePorts, config: { readonly cluster: string; readonly ciliumNamespace: string }): MeshCertificates {
  const { kubernetes, signer, clock, random, log, identity, drift } = ports;
  const { cluster, ciliumNamespace: namespace } = config;
  let problems: readonly string[] | undefined;
  let inPlace: MeshTrust | undefined;
  let avoided: Avoided = { clients: [], servers: [] };
  const leaves = new Map<MeshCertificateRole, MeshLeaf>();
  let wake = (): void => {};

  /** When to look again; throws where trying again soon may help. `found` takes what only a person can cure. */
  async function ensure(found: string[], signal: CancelSignal): Promise<Instant> {
    const { bundlePem } = identity.current();
    const wanted: MeshCertificateRole[] = [];
    const permitted = new Map<MeshCertificateRole, Permitted>();
    const issuers = new Map<MeshCertificateRole, string>();
    let nextAt = clock.now() + LOOK_INTERVAL;
    for (const role of MESH_ROLES) {
      const secret = await kubernetes.get<SecretObject>(Secret, { namespace, name: meshSecretName(role) }, signal);
      show(role, secret);
      if (secret !== undefined && !isOurs(secret)) {
        if (permit(role, secret, permitted)) wanted.push(role);
        else if (!isSound(secret, { role, cluster, namespace }, clock.now())) found.push(`Secret ${namespace}/${meshSecretName(role)}: was made by someone else and is left as it is, so other clusters may not trust it; delete it, and Isthmus issues it`);
        continue;
      }
      const good = secret === undefined ? undefined : goodUntil(secret, { role, cluster, namespace, bundlePem, avoided: role === 'server' ? avoided.servers : avoided.clients }, signer, clock.now());
      if (good !== undefined) issuers.set(role, good.issuer);
      const others = secret === undefined || good !== undefined ? [] : othersIn(secret);
      // Their fields would not be given to us: the hub need not issue, minute after minute, what cannot be written.
      if (others.length === 0) drift?.unchanged(namespace, meshSecretName(role));
      if (others.length > 0 && secret !== undefined && permit(role, secret, permitted)) wanted.push(role);
      else if (others.length > 0) found.push(`Secret ${namespace}/${meshSecretName(role)}: was changed by ${others.join(', ')} and is left as it is; delete it, and Isthmus issues it anew`);
      else if (good === undefined) wanted.push(role);
      else nextAt = Math.min(nextAt, good.renewAt);
    }
    if (wanted.length > 0) await issue(wanted, bundlePem, permitted, found, issuers, signal);
    hold(found.length > 0 || issuers.size < MESH_ROLES.length ? undefined : {
      bundlePem, clientIssuers: [...new Set(MESH_ROLES.filter((role) => role !== 'server').flatMap((role) => issuers.get(role) ?? []))], serverIssuers: [issuers.get('server') ?? ''],
    });
    return nextAt;
  }

  function show(role: MeshCertificateRole, secret: SecretObject | undefined): void {
    const leaf = secret === undefined ? undefined : leafOf(secret);
    const changed = leaf?.issuer !== leaves.get(role)?.issuer;
    if (leaf === undefined) leaves.delete(role);
    else leaves.set(role, leaf);
    // Who shows it now is told at once, whatever comes of the others.
    if (changed) ports.onChange?.();
  }

  function hold(next: MeshTrust | undefined): void {
    const changed = JSON.stringify(next) !== JSON.stringify(inPlace);
    inPlace = next;
    if (changed) ports.onChange?.();
  }

  function permit(role: MeshCertificateRole, secret: SecretObject, permitted: Map<MeshCertificateRole, Permitted>): boolean {
    const spends = drift?.changed(secret);
    if (spends !== undefined) permitted.set(role, { spends, version: secret.metadata.resourceVersion });
    return spends !== undefined;
  }

  async function issue(roles: readonly MeshCertificateRole[], bundlePem: string, permitted: ReadonlyMap<MeshCertificateRole, Permitted>, found: string[], issuers: Map<MeshCertificateRole, string>, signal: CancelSignal): Promise<void> {
    const connection = ports.connection();
    if (connection === undefined) throw new Error(`mesh certificates ${roles.join(', ')}: wait for a connection to the hub`);
    const keys = new Map(roles.map((role) => [role, signer.generate()]));
    const issued = await connection.issueMeshCertificates([...keys].map(([role, key]) => ({ role, csrDer: createCertificateRequest(key) })), signal);
    for (const [role, key] of keys) {
      const certificate: MeshCertificate | undefined = issued.find((candidate) => candidate.role === role);
      if (certificate === undefined) throw new Error(`mesh certificate ${role}: the hub did not issue it; it is asked again`);
      if (!namesFit(certificate.chainPem, { role, cluster, namespace })) {
        throw new Error(`mesh certificate ${role}: does not name this cluster and Cilium's namespace "${namespace}", which the hub learns with the next report; it is asked again`);
      }
      const secret = meshSecret(namespace, role, { keyPem: key.exportPem(), chainPem: certificate.chainPem, bundlePem });
      const permission = permitted.get(role);
      if (permission !== undefined) {
        // For exactly what was seen: the version makes sure that a newer change is not written over.
        const { version, spends } = permission;
        await kubernetes.patch(Secret, { namespace, name: secret.metadata.name }, { ...secret, metadata: { ...secret.metadata, ...(version === undefined ? {} : { resourceVersion: version }) } }, { type: 'apply', fieldManager: AGENT_FIELD_MANAGER, force: true }, signal);
        drift?.spend(spends);
        drift?.unchanged(namespace, secret.metadata.name);
        issuers.set(role, issuerOf(secret));
        show(role, secret);
        log.info({ cluster, role, decided: spends.join('; ') }, 'wrote a mesh certificate over what somebody had changed');
        continue;
      }
      // Without force: a field that a person has set since stays theirs.
      const written = await applyObject(kubernetes, Secret, secret, { fieldManager: AGENT_FIELD_MANAGER, onConflict: 'return' }, signal);
      if (written.outcome === 'conflict') {
        found.push(`Secret ${namespace}/${secret.metadata.name}: ${written.conflicts.map((cause) => `${cause.field ?? 'a field'} is in ${cause.message ?? 'conflict'}`).join(', ')}; delete the Secret, and Isthmus issues it anew`);
      } else {
        issuers.set(role, issuerOf(secret));
        show(role, secret);
        log.info({ cluster, role, notAfter: certificate.notAfter }, 'wrote a mesh certificate');
      }
    }
  }

  return {
    async start(signal) {
      for (let failures = 0; !signal.aborted;) {
        const sleep = cancelWithin(signal);
        const unsubscribe = identity.subscribe(sleep.abort);
        wake = sleep.abort;
        const found: string[] = [];
        let nextAt: Instant;
        try {
          nextAt = await ensure(found, signal);
          failures = 0;
        } catch (error) {
          failures++;
          nextAt = clock.now() + backoffMilliseconds(failures, BACKOFF, random);
          found.push(messageOf(error));
          hold(undefined);
        }
        if (!signal.aborted && found.join() !== problems?.join()) {
          problems = found;
          for (const problem of found) log.warn({ cluster, problem }, 'a mesh certificate is not in place');
          ports.onChange?.();
        }
        await clock.sleepUntil(nextAt, sleep.signal);
        unsubscribe();
        sleep.release();
      }
    },
    problems: () => problems,
    inPlace: () => inPlace,
    leaves: () => leaves,
    avoid(issuers) {
      if (JSON.stringify(issuers) === JSON.stringify(avoided)) return;
      avoided = issuers;
      wake();
    },
  };
}
