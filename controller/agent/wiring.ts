/** All of the agent in one visible list. `main.ts` and the simulator differ only in the ports they give. */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { cancelled, cancelWithin } from '../runtime/cancel.ts';
import { type Part, runParts } from '../runtime/lifecycle.ts';
import { createPublisher } from '../runtime/sync/publisher.ts';
import { createAccess } from './access/access.ts';
import { beside } from './access/beside.ts';
import { createAccessAnswers } from './access/observe.ts';
import { createApply } from './apply/apply.ts';
import { createBundles } from './bundles/bundles.ts';
import { createDriftBook } from './apply/drift-book.ts';
import { createQuestions } from './dns/questions.ts';
import { dnsHandler } from './dns/serve.ts';
import { createZoneSource } from './dns/service-zone.ts';
import { createFailover } from './failover/failover.ts';
import { createFirstWord } from './sync/first-word.ts';
import { createHubLink } from './sync/hub-link.ts';
import { createAgentIdentity } from './identity/identity.ts';
import { createCertificateDrift } from './identity/certificate-drift.ts';
import { measureExpiry } from './identity/expiry-metrics.ts';
import { createMeshCertificates } from './identity/mesh-certificates.ts';
import { createTrustBundle } from './identity/trust-bundle.ts';
import { createTrusts } from './identity/trust-use.ts';
import { createClusterWatch } from './observe/cluster.ts';
import { createExports } from './observe/exports.ts';
import { publishExports } from './observe/publish.ts';
import { answerPeers } from './peers/answer.ts';
import { refusingRevoked } from './peers/cut-off.ts';
import { createOpenings } from './peers/openings.ts';
import { createOwnCredentials } from './peers/own-credentials.ts';
import { createStanding } from './peers/standing.ts';
import { createProbes } from './peers/probe.ts';
import { createRevoked } from './peers/revoked.ts';
import type { AgentConfig, AgentPorts } from './ports.ts';
import { createImports } from './services/imports.ts';
import { createVerdicts } from './services/verdicts.ts';
import { createFacts } from './state/facts.ts';
import { loadState, saveState } from './state/snapshot.ts';
import { type AgentState, createState } from './state/state.ts';
import { keepSynchronised } from './sync/sync.ts';
import { createVerify } from './verify/verify.ts';

/** Where this agent listens, as the system gave it; empty: not yet. */
export interface AgentAddresses { readonly dns: string; readonly peer: string }

export interface Agent {
  /** Runs until `signal` aborts. Rejects where a person must act: no usable identity, or a port that is taken. */
  start(signal: CancelSignal): Promise<void>;
  ready(): { readonly ok: boolean; readonly reasons: readonly string[] };
  addresses(): AgentAddresses;
}

export function createAgent(ports: AgentPorts, config: AgentConfig, onListening: (addresses: AgentAddresses) => void = () => {}): Agent {
  const addresses = { dns: '', peer: '' };
  let missing = (): readonly string[] => ['the last known state is being loaded'];
  return {
    async start(signal) {
      const state = createState(config.cluster, ports.digest);
      await loadState(ports.snapshots, state, config.cluster, ports.log);
      const agent = assemble(ports, config, state, addresses, () => onListening({ ...addresses }));
      missing = agent.missing;
      await runParts(agent.parts, signal, ports).finally(agent.stopMeasuring);
    },
    ready() {
      const reasons = missing();
      return { ok: reasons.length === 0, reasons };
    },
    addresses: () => ({ ...addresses }),
  };
}

function assemble(ports: AgentPorts, config: AgentConfig, state: AgentState, addresses: { dns: string; peer: string }, listening: () => void) {
  const { cluster } = config;
  const publisher = createPublisher(ports.digest);
  const identity = createAgentIdentity(ports, config);
  const link = createHubLink(ports, config, identity);
  const facts = createFacts(cluster, state, ports.clock);
  const exports = createExports(cluster, ports, Math.max(0, ...state.list('ImportedFact').map((fact) => (fact.cluster === cluster ? fact.version.epoch : 0))));
  const clusterWatch = createClusterWatch(ports, config, publisher, () => config.advertisedPeerAddress || addresses.peer, () => apply.refresh());
  const book = createDriftBook(ports.clock, state);
  const bundles = createBundles({ ports, config, state });
  const access = createAccess({ ports, state, book });
  const brought = beside(bundles, access);
  const firstWord = createFirstWord(publisher, brought, cluster);
  const trustBundle = createTrustBundle(ports, config);
  const ownCredentials = createOwnCredentials({ ports, config });
  const openings = createOpenings({ ports, config, ownOf: ownCredentials.of });
  const apply = createApply({
    ports, config, state, publisher: firstWord.publisher, book, bundles: brought, openings, ownCredentials, revoked: createRevoked({ ports, namespace: config.ciliumNamespace, cluster, state }),
    trusts: createTrusts({
      ports, namespace: config.ciliumNamespace, settleSeconds: config.trustSettleSeconds, state, identity, adopted: trustBundle.adopted, certificates: {
        avoid: (issuers) => meshCertificates.avoid(issuers), inPlace: () => meshCertificates.inPlace(), leaves: () => meshCertificates.leaves(), problems: () => meshCertificates.problems(),
      },
    }),
    certificateProblems: () => meshCertificates.problems(),
    mounts: () => clusterWatch.mounts(),
  });
  const meshCertificates = createMeshCertificates({ ...ports, identity, connection: link.connection, onChange: () => { openings.askNow(); apply.refresh(); }, drift: createCertificateDrift({ book, state, digest: ports.digest, now: ports.clock.now }) }, config);
  const verify = createVerify({ ports, config, state, publisher });
  const probes = createProbes({ ports, config, state, facts, identity: link.identity });
  const failover = createFailover({ ports, state, facts, reachability: probes.reachability });
  const imports = createImports(ports, state, facts, book);
  const verdicts = createVerdicts(cluster, ports, state, exports);
  const zones = createZoneSource({ cluster, clock: ports.clock, state, facts, imports, nameserverAddresses: () => hostOf(addresses.dns) });
  const questions = createQuestions({ cluster, ports, state, publisher, zones, imports });

  publishExports({ exports, facts, publisher, log: ports.log });
  for (const source of [facts, failover, imports]) source.subscribe(() => zones.outdate());
  for (const source of [facts, failover]) source.subscribe((service) => imports.changed(service));
  state.subscribe(() => zones.outdate());
  probes.subscribe((changed) => failover.clusterChanged(changed));
  identity.subscribe(() => apply.refresh());
  ownCredentials.subscribe(() => { openings.askNow(); apply.refresh(); });

  const parts: Part[] = [
    { name: 'snapshot', start: (signal) => saveState({ store: ports.snapshots, state, cluster, clock: ports.clock, log: ports.log }, signal) },
    { name: 'identity', start: (signal) => link.start(signal) },
    { name: 'exports', start: (signal) => exports.start(signal) },
    { name: 'report', start: (signal) => clusterWatch.start(signal) },
    { name: 'apply', start: (signal) => apply.start(signal) },
    { name: 'openings', start: (signal) => openings.start(signal) },
    { name: 'own credentials', start: (signal) => ownCredentials.start(signal) },
    { name: 'bundles', start: (signal) => bundles.start(signal) },
    { name: 'access', start: (signal) => access.start(signal) },
    { name: 'standing answers', start: async (signal) => { createStanding({ ports, config, state, publisher }).start(signal); await cancelled(signal); } },
    { name: 'access answers', start: async (signal) => { createAccessAnswers({ ports, state, publisher }).start(signal); await cancelled(signal); } },
    { name: 'trust bundle', start: (signal) => trustBundle.start(signal) },
    { name: 'mesh certificates', start: (signal) => whilePeered(state, link.obtained, (peered) => meshCertificates.start(peered), signal) },
    { name: 'verify', start: (signal) => verify.start(signal) },
    { name: 'failover', start: (signal) => failover.start(signal) },
    { name: 'imports', start: (signal) => imports.start(signal) },
    { name: 'verdicts', start: (signal) => verdicts.start(signal) },
    { name: 'questions', start: (signal) => questions.start(signal) },
    {
      name: 'dns',
      async start(signal) {
        addresses.dns = (await ports.dns.serve(dnsHandler(zones, ports.metrics, ports.log), signal)).address;
        zones.outdate();
        listening();
        await cancelled(signal);
      },
    },
    {
      name: 'peer server',
      async start(signal) {
        if (!await link.obtained(signal)) return;
        addresses.peer = (await ports.peerServer.serve(refusingRevoked(state, answerPeers(cluster, exports, state, probes)), () => identity.current(), signal)).address;
        clusterWatch.refresh();
        listening();
        await cancelled(signal);
      },
    },
    // With the identity at hand the first probe is a round trip after the start, not an interval: a restart without the hub decides by what holds now.
    { name: 'probes', start: async (signal) => { if (await link.obtained(signal)) await probes.start(signal); } },
    { name: 'sync', start: (signal) => keepSynchronised({ ports, state, publisher, connection: link.connection, onConnectionChange: link.onChange, onRefused: identity.rejoin, onStream: firstWord }, signal) },
  ];

  const conditions: readonly (readonly [() => boolean, string | (() => string)])[] = [
    [() => link.identity() !== undefined, () => ['there is no identity yet', identity.problem()].filter((part) => part !== undefined).join(': ')],
    [() => addresses.dns !== '', 'DNS does not listen yet'],
    [() => exports.facts !== undefined && clusterWatch.synced && apply.synced && imports.synced, 'the cluster has not been read yet'],
    [() => state.knowsImports, 'the hub has not told yet which services are shared'],
  ];
  return { parts, stopMeasuring: measureExpiry(ports.metrics, identity, meshCertificates), missing: () => conditions.filter(([holds]) => !holds()).map(([, reason]) => (typeof reason === 'string' ? reason : reason())) };
}

/** Runs `work` while the desired state has peering. */
async function whilePeered(state: AgentState, obtained: (signal: CancelSignal) => Promise<boolean>, work: (signal: CancelSignal) => Promise<void>, signal: CancelSignal): Promise<void> {
  const isPeered = (): boolean => (state.desired?.state.peering ?? null) !== null;
  if (!await obtained(signal)) return;
  while (!signal.aborted) {
    const peered = isPeered();
    const turn = cancelWithin(signal);
    const stop = state.subscribe((type) => { if (type === 'DesiredRevision' && isPeered() !== peered) turn.abort(); });
    await (peered ? work(turn.signal) : cancelled(turn.signal));
    stop();
    turn.release();
  }
}

/** `10.0.0.1:53` → `10.0.0.1`; nothing where it listens on every address, which is no address to give away. */
function hostOf(address: string): string[] {
  const host = address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return host === '' || host === '0.0.0.0' || host === '::' ? [] : [host];
}
