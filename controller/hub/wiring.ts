/** All of the hub, in one visible list. What differs between production and the simulator is in the ports. */
import { createAuthority, NO_SIGNATURES } from '../../certs/index.ts';
import type { BundleObject, ChannelObject } from '../../mesh/api/resources/bundle.ts';
import { type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../mesh/api/resources/authority.ts';
import type { ApprovalObject } from '../../mesh/api/resources/approval.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import type { ClusterAdmissionObject } from '../../mesh/api/resources/cluster-admission.ts';
import type { DrillObject } from '../../mesh/api/resources/drill.ts';
import type { FleetQueryObject } from '../../mesh/api/resources/fleet-query.ts';
import type { DriftDecisionObject, DriftPolicyObject } from '../../mesh/api/resources/drift-policy.ts';
import { Approval, Bundle, CertificateAuthority, ChangeWindow, Channel, Cluster, ClusterAdmission, DriftDecision, DriftPolicy, Drill, ExportPolicy, FailoverPolicy, FleetQuery, GlobalService, Inquiry, Mesh, UpdateRun, UpdateStrategy, WindowOverride } from '../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../mesh/api/resources/inquiry.ts';
import type { MeshObject } from '../../mesh/api/resources/mesh.ts';
import type { ExportPolicyObject, FailoverPolicyObject, GlobalServiceObject } from '../../mesh/api/resources/policies.ts';
import type { UpdateRunObject, UpdateStrategyObject } from '../../mesh/api/resources/updates.ts';
import type { ChangeWindowObject, WindowOverrideObject } from '../../mesh/api/resources/windows.ts';
import { fromRfc3339 } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { KubernetesObject, ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { type Cache, type CacheOptions, createCache } from '../runtime/cache.ts';
import { cancelWithin } from '../runtime/cancel.ts';
import { type Lead, runElected } from '../runtime/election.ts';
import { messageOf } from '../runtime/errors.ts';
import { type Part, runParts } from '../runtime/lifecycle.ts';
import { createBundles } from './bundles/bundles.ts';
import { createChannels } from './bundles/channels.ts';
import { BUNDLE_INDEXES, createBundleJudge } from './bundles/judge.ts';
import { createBundlePublishing } from './bundles/publish.ts';
import { createDrills } from './drill/drill.ts';
import { fenced } from './fence.ts';
import { createDrift } from './drift/drift.ts';
import { createDriftJudge } from './drift/judge.ts';
import { APPROVAL_INDEXES, createApprovals } from './gates/approvals.ts';
import { allGates, createAskedGates } from './gates/gates.ts';
import { createEditors } from './gates/editors.ts';
import { createGuards, installGuards } from './gates/guards.ts';
import { foresightAnswers } from './foresight/answers.ts';
import { createFleet } from './gateway/fleet.ts';
import { createGateway } from './gateway/gateway.ts';
import { createPublishers } from './gateway/publishers.ts';
import { createAcceptance } from './identity/acceptance.ts';
import { measureExpiry } from './identity/expiry-metrics.ts';
import { secretKeyStore } from './identity/key-store.ts';
import { createRevocations, refusingRevoked } from './identity/revocation.ts';
import { createLinesOfKeys } from './identity/line-of-keys.ts';
import { createIdentityService } from './identity/service.ts';
import { waitForIssuer } from './identity/ready.ts';
import { publishTrust } from './identity/trust.ts';
import { recordedAnswers } from './inquiry/answers.ts';
import { askAgent } from './inquiry/ask-agent.ts';
import { capacityAnswers } from './inquiry/capacity.ts';
import { createInquiries } from './inquiry/inquiry.ts';
import { createLiveRows } from './inventory/freshness.ts';
import { CLUSTER_INDEXES } from './inventory/claims.ts';
import { historyAnswers } from './inventory/history-answers.ts';
import { measureClusters } from './inventory/cluster-metrics.ts';
import { createInventory } from './inventory/inventory.ts';
import { createQueries } from './inventory/queries.ts';
import { createSavedQueries } from './inventory/saved-queries.ts';
import { keepHistoryShort, USUAL_RETENTION } from './inventory/retention.ts';
import { clusterViews } from './mesh/current-plan.ts';
import { createMesh } from './mesh/mesh.ts';
import { budgetsOf } from './notices/budgets.ts';
import { createRunEvents } from './notices/run-events.ts';
import { measureRuns } from './notices/run-metrics.ts';
import { createSinks } from './notices/sinks.ts';
import { createDiscovery } from './others/discovery.ts';
import { createProfiles } from './others/profiles.ts';
import { passingMetrics } from './passing-metrics.ts';
import { publishPeers } from './peers/peers.ts';
import type { HubConfig, HubPorts, InventoryConfig } from './ports.ts';
import { ensureDefaultStrategy, ensureNamespace } from './preparation.ts';
import { createAssignments } from './rollout/assignments.ts';
import { keepBounded } from './rollout/bounds.ts';
import { createRollout } from './rollout/rollout.ts';
import { createSelectorChecks } from './selectors/selectors.ts';
import { createServices } from './services/services.ts';
import { DRILL_INDEXES, RUN_INDEXES } from './views.ts';
import { askedTrust, leavingIssuers } from './trust/leaving.ts';
import { createCertManager } from './trust/cert-manager.ts';
import { createRotation } from './trust/rotation.ts';
import { createWindows } from './windows/windows.ts';

export interface Hub {
  /** Runs until `signal` aborts; rejects where the hub cannot go on. */
  start(signal: CancelSignal): Promise<void>;
  ready(): { readonly ok: boolean; readonly reasons: readonly string[] };
}

/** What goes into runs, and whose editors have no word in them. */
const EDITED: readonly ResourceKind[] = [Mesh, FailoverPolicy, GlobalService, UpdateStrategy, Bundle, Channel];
const LEASE = 'isthmus-hub';
const RECORDS_CHECK_MILLISECONDS = 10_000;
const TRUST_CHECK_MILLISECONDS = 60_000;

const EVERY_INVENTORY: InventoryConfig = { clusterProfiles: true, discover: true, argoNamespaces: [] };

const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');

export function createHub(outside: HubPorts, config: HubConfig): Hub {
  const notReady = new Set<string>(['starting']);

  /** Everything, anew for each time that this process leads: nothing is carried over from an earlier leadership but what is durable. */
  async function work(ports: HubPorts, signal: CancelSignal): Promise<void> {
    const { clock, kubernetes, records, digest, log, metrics } = ports;
    if (config.createNamespace === true) {
      await ensureNamespace(kubernetes, config.namespace, signal);
      await installGuards(kubernetes, signal);
    }
    const authority = createAuthority({
      ...ports, keys: secretKeyStore({ kubernetes, namespace: config.namespace }), trustDomain: config.trustDomain, log: log.child({ part: 'authority' }),
      ...(config.roots === undefined ? {} : { roots: config.roots }),
      ...(config.advertisedAddress === '' ? {} : { hosts: [hostOf(config.advertisedAddress)] }),
    });
    await authority.open(signal);
    await ensureDefaultStrategy(kubernetes, signal);

    const caches: { readonly kind: ResourceKind; readonly cache: Cache<KubernetesObject> }[] = [];
    const cached = <T extends KubernetesObject>(kind: ResourceKind, indexes: NonNullable<CacheOptions<T>['indexes']> = {}): Cache<T> => {
      const cache = createCache<T>(kubernetes, kind, { indexes }, ports);
      caches.push({ kind, cache: cache as unknown as Cache<KubernetesObject> });
      return cache;
    };
    const clusters = cached<ClusterObject>(Cluster, CLUSTER_INDEXES);
    const meshes = cached<MeshObject>(Mesh);
    const policies = cached<ExportPolicyObject>(ExportPolicy);
    const failover = cached<FailoverPolicyObject>(FailoverPolicy);
    const globalServices = cached<GlobalServiceObject>(GlobalService);
    const strategies = cached<UpdateStrategyObject>(UpdateStrategy);
    const runs = cached<UpdateRunObject>(UpdateRun, RUN_INDEXES);
    const approvalObjects = cached<ApprovalObject>(Approval, APPROVAL_INDEXES);
    const drillObjects = cached<DrillObject>(Drill, DRILL_INDEXES);
    const driftPolicies = cached<DriftPolicyObject>(DriftPolicy);
    const driftDecisions = cached<DriftDecisionObject>(DriftDecision);
    const savedQueries = cached<FleetQueryObject>(FleetQuery);
    const inquiryObjects = cached<InquiryObject>(Inquiry);
    const bundleObjects = cached<BundleObject>(Bundle, BUNDLE_INDEXES);
    const channelObjects = cached<ChannelObject>(Channel);
    const changeWindows = cached<ChangeWindowObject>(ChangeWindow);
    const windowOverrides = cached<WindowOverrideObject>(WindowOverride);
    const admissions = cached<ClusterAdmissionObject>(ClusterAdmission);
    const authorityObjects = cached<CertificateAuthorityObject>(CertificateAuthority);

    const fleet = createFleet(clock);
    const publishers = createPublishers(digest, log);
    const assignments = createAssignments(records, publishers, ({ cluster, assignedAt }) => {
      const created = fromRfc3339(clusters.get({ name: cluster })?.metadata.creationTimestamp);
      return created !== undefined && created <= assignedAt;
    });
    const driftJudge = createDriftJudge({ clock, fleet, clusters, policies: driftPolicies, decisions: driftDecisions });
    const sources = { clusters, meshes, failover, globalServices, assignments, trust: () => askedTrust(authority.trust(), leavingIssuers(authority.state())), digest, overrides: driftJudge.overrides };

    const isMember = async (name: string, within: CancelSignal): Promise<boolean> => clusters.get({ name }) !== undefined || await kubernetes.get(Cluster, { name }, within) !== undefined;
    const gateway = createGateway({ fleet, publishers, isMember, stopping: signal, log: log.child({ part: 'gateway' }), metrics });
    const bundleJudge = createBundleJudge({ clock, digest, objects: bundleObjects, assignments, policy: config.signingPolicy ?? (() => NO_SIGNATURES) });
    const bundles = createBundles({ ports, objects: bundleObjects, judge: bundleJudge });
    const bundlePublishing = createBundlePublishing({ ports, assignments, publishers, judge: bundleJudge });
    clusters.subscribe(({ type, object }) => {
      if (type !== 'deleted') return;
      gateway.expel(object.metadata.name);
      acceptance.forget(object.metadata.name);
      assignments.forget(object.metadata.name);
      bundlePublishing.add(object.metadata.name);
    });
    const acceptance = createAcceptance({ ports: { clock, metrics, log: log.child({ part: 'identity' }) }, accept: config.acceptClusters ?? 'Automatically' });
    const revocations = createRevocations({ ports, fleet, publishers, gateway, clusters });
    const lines = createLinesOfKeys({ ports, authority, clusters, gateway });
    publishPeers(fleet, publishers);

    const inventory = createInventory({ ports, fleet, assignments, clusters, runs, drift: driftJudge, approversOf: (run) => rollout.approversOf(run), overriddenBy: (cluster, run) => windows.windowOf(cluster, run).overriddenBy, revocations, acceptance });
    const mesh = createMesh({ ports, sources, runs, strategies, drift: driftJudge, rotationStrategy: () => rotation.strategy() });
    const certManager = config.certManager === undefined ? undefined : createCertManager({ ports, authority, namespace: config.namespace, issuer: config.certManager, onChange: () => rotation.add(FLEET_AUTHORITY) });
    const rotation = createRotation({ ports, objects: authorityObjects, certManager, authority, clusters, fleet, revocations, published: () => publishedSequence, onChange: () => mesh.add('plan') });
    const guards = createGuards(ports);
    const editors = createEditors({ ports, guards, watched: caches.filter(({ kind }) => EDITED.includes(kind)) });
    const windows = createWindows({ ports, clusters, runs, windows: changeWindows, overrides: windowOverrides, guards, packageOf: (name) => bundleObjects.get({ name })?.spec.package });
    const approvals = createApprovals({ ports, approvals: approvalObjects, runs, guards });
    const source = `/isthmus/${config.trustDomain}`;
    const askedGates = createAskedGates({ ports, runs, namespace: config.namespace, source });
    const notices = [createRunEvents({ ports, runs }), ...createSinks({ ports, runs, sinks: config.notifications ?? [], namespace: config.namespace, source })];
    const budgetOf = (run: string): ReturnType<typeof budgetsOf> => {
      const open = rollout.openRun(run);
      const stage = runs.get({ name: run })?.status?.stage;
      return open?.record.strategy == null || stage === undefined ? undefined : budgetsOf(open.record.strategy, open.targets, stage, (cluster) => fleet.connection(cluster)?.connected ?? false);
    };
    const rollout = createRollout({ ports, sources, fleet, runs, strategies, drift: driftJudge, gates: allGates([approvals, askedGates]), windows, bundles, editors, onProgress: () => { for (const notice of notices) notice.wake(); } });
    const channels = createChannels({ ports, channels: channelObjects, bundles: bundleObjects, runs, judge: bundleJudge, assignments, fleet, drift: driftJudge, clusters, views: () => clusterViews(sources) });
    const drift = createDrift({ ports, judge: driftJudge, clusters, policies: driftPolicies, decisions: driftDecisions });
    const services = createServices({ ports, fleet, publishers, clusters, policies, revocations });
    const drills = createDrills({ ports, fleet, publishers, drills: drillObjects, clusters });
    const queries = createQueries({ clock, records, live: createLiveRows({ clusters, fleet }), saved: savedQueries });
    const capacity = capacityAnswers({ clock, queries, clusters, fleet });
    const savedQueryChecks = createSavedQueries({ ports, saved: savedQueries });
    const selectorChecks = createSelectorChecks(ports, policies, strategies);
    const { namespace, trustDomain, inventory: others = EVERY_INVENTORY } = config;
    const profiles = createProfiles({ ports, clusters, namespace, trustDomain, on: others.clusterProfiles });
    const discovered = createDiscovery({ ports, clusters, namespace, config: others, published: profiles.state });
    const inquiries = createInquiries({
      ports, inquiries: inquiryObjects,
      answers: {
        ...recordedAnswers(records, runs),
        ...historyAnswers({ clock, records, clusters }),
        query: queries.answer,
        ...capacity,
        ...foresightAnswers({ ports, sources, fleet, runs, strategies, drift: driftJudge, bundles, windows: changeWindows, overrides: windowOverrides, packageOf: (name) => bundleObjects.get({ name })?.spec.package }),
        discovered: (question, { signal: within }) => discovered(question, within),
        dns: ({ name, type, from }, { id, signal: within }) => askAgent({ fleet, publishers, clock }, from, { id, dnsName: name, dnsType: type ?? 'A' }, within),
      },
    });
    const identity = createIdentityService({ kubernetes, authority, clock, digest, log: log.child({ part: 'identity' }), onIdentity: (cluster, given) => inventory.giveIdentity(cluster, given), admitJoin: revocations.admitJoin, acceptance, admissions: admissions.list });

    let publishedSequence: number | undefined;
    let advertised = config.advertisedAddress;
    async function serve(within: CancelSignal): Promise<void> {
      let waiting: string | undefined;
      const issues = await waitForIssuer(authority, hostOf(advertised), clock, (problem) => {
        if (waiting !== undefined) notReady.delete(waiting);
        if (problem !== undefined) {
          notReady.add(problem);
          log.warn({ problem }, 'agents are not answered yet');
        }
        waiting = problem;
      }, within);
      if (!issues) return;
      const { address } = await ports.gateway.serve(refusingRevoked(revocations, lines.refusingOthers({ ...identity, sync: gateway.sync })), () => authority.serverMaterial(hostOf(advertised)), within);
      fleet.listen();
      if (advertised === '') advertised = address;
      log.info({ address, advertised }, 'gateway listens');
      notReady.delete('the gateway does not listen yet');
      await keepPublished(advertised, within);
    }

    /** Before anybody shows a certificate of a new root, whoever joins must be told to believe it. */
    async function keepPublished(hubAddress: string, within: CancelSignal): Promise<void> {
      while (!within.aborted) {
        const sleep = cancelWithin(within);
        const stop = authority.onChange(sleep.abort);
        const trust = authority.trust();
        if (trust.sequence !== publishedSequence) {
          await publishTrust(kubernetes, { namespace: config.namespace, trust, hubAddress }, within);
          publishedSequence = trust.sequence;
          mesh.add('plan');
          rotation.add(FLEET_AUTHORITY);
        }
        await clock.sleepUntil(clock.now() + TRUST_CHECK_MILLISECONDS, sleep.signal);
        stop();
        sleep.release();
      }
    }

    async function checkRecords(within: CancelSignal): Promise<void> {
      const refuses = metrics.gauge('isthmus_hub_records_problem', '1 while the records cannot be written, else 0.');
      for (let before: string | undefined; !within.aborted;) {
        const problem = await records.check().then(() => undefined, messageOf);
        if (before !== undefined) notReady.delete(before);
        if (problem !== undefined) notReady.add(problem);
        refuses.set({}, problem === undefined ? 0 : 1);
        if (problem !== before && problem !== undefined) log.error({ problem }, 'records cannot be written');
        before = problem;
        await clock.sleepUntil(clock.now() + RECORDS_CHECK_MILLISECONDS, within);
      }
    }

    /** What agents must not find half done: the gateway opens last. */
    async function afterSync(within: CancelSignal): Promise<void> {
      for (const { cache } of caches) await cache.waitForSync(within);
      if (within.aborted) return;
      notReady.delete('its copy of the Kubernetes API is not complete yet');
      await assignments.load();
      await bundlePublishing.load();
      await revocations.load();
      await drills.resume();
      for (const notice of notices) await notice.load();
      const measures = [measureRuns({ ports, runs, budgetOf }), measureClusters({ ports, clusters }), measureExpiry({ ports, authority, clusters, server: () => authority.serverMaterial(hostOf(advertised)).chainPem })];
      await runParts([
        ...notices.map(({ start }) => ({ name: 'notices', start })),
        { name: 'revocations', start: revocations.start },
        { name: 'lines of keys', start: lines.start },
        { name: 'inventory', start: inventory.start },
        { name: 'mesh', start: mesh.start },
        { name: 'drift', start: drift.start },
        { name: 'rotation', start: rotation.start },
        ...(certManager === undefined ? [] : [{ name: 'cert-manager', start: certManager.start }]),
        { name: 'windows', start: windows.start },
        { name: 'guards', start: guards.start },
        { name: 'editors', start: editors.start },
        { name: 'approvals', start: approvals.start },
        { name: 'gates', start: askedGates.start },
        { name: 'rollout', start: rollout.start },
        { name: 'bounds of updates', start: keepBounded({ ports, runs, clusters, assignments, bundles: bundleObjects, channels: channelObjects, judge: bundleJudge, approvals: approvalObjects, overrides: windowOverrides, views: () => clusterViews(sources), limits: config.history ?? USUAL_RETENTION }) },
        { name: 'bundles', start: bundles.start },
        { name: 'channels', start: channels.start },
        { name: 'bundle publishing', start: bundlePublishing.start },
        { name: 'services', start: services.start },
        { name: 'drill', start: drills.start },
        { name: 'saved queries', start: savedQueryChecks.start },
        ...selectorChecks.map(({ start }) => ({ name: 'selectors', start })),
        { name: 'inquiry', start: inquiries.start },
        { name: 'cluster profiles', start: profiles.start },
        { name: 'gateway', start: serve },
      ], within, ports).finally(() => { for (const stop of measures) stop(); });
    }

    notReady.clear();
    notReady.add('its copy of the Kubernetes API is not complete yet').add('the gateway does not listen yet');
    const parts: Part[] = [
      ...caches.map(({ kind, cache }) => ({ name: `cache of ${kind.plural}`, start: cache.start })),
      { name: 'authority', start: authority.keepFresh },
      { name: 'records', start: checkRecords },
      { name: 'retention', start: keepHistoryShort(ports, config.history ?? USUAL_RETENTION) },
      { name: 'shells', start: afterSync },
    ];
    await runParts(parts, signal, ports);
  }

  return {
    async start(signal) {
      const { leaderElection, namespace } = config;
      if (leaderElection === undefined) await work(outside, signal);
      else {
        const follow = (): void => {
          notReady.clear();
          notReady.add('another replica leads');
        };
        const lead: Lead = (leading, holds) => {
          const told = passingMetrics(outside.metrics);
          return work({ ...fenced(outside, holds), metrics: told.metrics }, leading).finally(() => {
            told.clear();
            follow();
          });
        };
        follow();
        const { kubernetes: client, clock, steadyClock = clock, random, log, metrics } = outside;
        await runElected({ client, namespace, name: LEASE, identity: leaderElection.identity, clock, steadyClock, random, log, metrics }, lead, signal);
      }
      notReady.add('stopped');
    },
    ready: () => ({ ok: notReady.size === 0, reasons: [...notReady] }),
  };
}
