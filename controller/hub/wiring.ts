/** All of the hub, in one visible list. What differs between production and the simulator is in the ports. */
import { NO_SIGNATURES } from '../../certs/index.ts';
import { FLEET_AUTHORITY } from '../../mesh/api/resources/authority.ts';
import { Cluster } from '../../mesh/api/resources/index.ts';
import { fromRfc3339 } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import { runParts } from '../runtime/lifecycle.ts';
import { createBundles } from './bundles/bundles.ts';
import { createChannels } from './bundles/channels.ts';
import { createBundleJudge } from './bundles/judge.ts';
import { createBundlePublishing } from './bundles/publish.ts';
import { createCaches } from './caches.ts';
import { createDrills } from './drill/drill.ts';
import { createDrift } from './drift/drift.ts';
import { createDriftJudge } from './drift/judge.ts';
import { createApprovals } from './gates/approvals.ts';
import { allGates, createAskedGates } from './gates/gates.ts';
import { createEditors } from './gates/editors.ts';
import { createGuards } from './gates/guards.ts';
import { createFleet } from './gateway/fleet.ts';
import { createGateway } from './gateway/gateway.ts';
import { createServing } from './gateway/serving.ts';
import { createPublishers } from './gateway/publishers.ts';
import { createAcceptance } from './identity/acceptance.ts';
import { createFleetAuthority } from './identity/authority.ts';
import { measureExpiry } from './identity/expiry-metrics.ts';
import { createRevocations, refusingRevoked } from './identity/revocation.ts';
import { createLinesOfKeys } from './identity/line-of-keys.ts';
import { tellingRefusedJoins } from './identity/refused-joins.ts';
import { createIdentityService } from './identity/service.ts';
import { allAnswers } from './inquiry/all-answers.ts';
import { createInquiries } from './inquiry/inquiry.ts';
import { measureClusters } from './inventory/cluster-metrics.ts';
import { createInventory } from './inventory/inventory.ts';
import { createSavedQueries } from './inventory/saved-queries.ts';
import { keepHistoryShort, USUAL_RETENTION } from './inventory/retention.ts';
import { workWhileLeading } from './leading.ts';
import { createAccess } from './access/access.ts';
import { clusterViews } from './mesh/current-plan.ts';
import { createMeshIds } from './mesh/ids.ts';
import { createMesh } from './mesh/mesh.ts';
import { openBudgets } from './notices/open-budgets.ts';
import { createRunEvents } from './notices/run-events.ts';
import { createSkipEvents } from './notices/skip-events.ts';
import { measureRuns } from './notices/run-metrics.ts';
import { createSinks } from './notices/sinks.ts';
import { openHub } from './opening.ts';
import { createDiscovery } from './others/discovery.ts';
import { createProfiles } from './others/profiles.ts';
import { publishPeers } from './peers/peers.ts';
import { publishReaders } from './peers/readers.ts';
import type { HubConfig, HubPorts, InventoryConfig } from './ports.ts';
import { createReadiness } from './readiness.ts';
import { checkRecords } from './records-check.ts';
import { createAssignments } from './rollout/assignments.ts';
import { keepBounded } from './rollout/bounds.ts';
import { createRollout } from './rollout/rollout.ts';
import { createSelectorChecks } from './selectors/selectors.ts';
import { createReach } from './services/reach.ts';
import { createServices } from './services/services.ts';
import { askedTrust, leavingIssuers } from './trust/leaving.ts';
import { createCertManager } from './trust/cert-manager.ts';
import { createRotation } from './trust/rotation.ts';
import { createWindows } from './windows/windows.ts';

export interface Hub {
  /** Runs until `signal` aborts; rejects where the hub cannot go on. */
  start(signal: CancelSignal): Promise<void>;
  ready(): { readonly ok: boolean; readonly reasons: readonly string[] };
}

const INCOMPLETE = 'its copy of the Kubernetes API is not complete yet';
const EVERY_INVENTORY: InventoryConfig = { clusterProfiles: true, discover: true, argoNamespaces: [] };

export function createHub(outside: HubPorts, config: HubConfig): Hub {
  const readiness = createReadiness('starting');

  /** Everything, anew for each time that this process leads: nothing is carried over from an earlier leadership but what is durable. */
  async function work(ports: HubPorts, signal: CancelSignal): Promise<void> {
    const { clock, kubernetes, records, digest, log, metrics } = ports;
    const { namespace, trustDomain, inventory: others = EVERY_INVENTORY } = config;
    const authority = createFleetAuthority(ports, config);
    if (!await openHub({ ports, config, authority, readiness }, signal)) return;

    const caches = createCaches(ports);
    const { clusters, meshes, policies, accessPolicies, failover, globalServices, strategies, runs, approvalObjects, drillObjects, driftPolicies, driftDecisions, savedQueries, inquiryObjects, bundleObjects, channelObjects, changeWindows, windowOverrides, admissions, authorityObjects } = caches;

    const fleet = createFleet(clock);
    const publishers = createPublishers(digest, log);
    const assignments = createAssignments(records, publishers, ({ cluster, assignedAt }) => {
      const created = fromRfc3339(clusters.get({ name: cluster })?.metadata.creationTimestamp);
      return created !== undefined && created <= assignedAt;
    });
    const driftJudge = createDriftJudge({ clock, fleet, clusters, policies: driftPolicies, decisions: driftDecisions });
    const ids = createMeshIds({ records, meshes, clusters, assignments, isVouchedFor: () => guards.problem() === undefined });
    const sources = { ids, clusters, meshes, accessPolicies, failover, globalServices, assignments, trust: () => askedTrust(authority.trust(), leavingIssuers(authority.state())), digest, overrides: driftJudge.overrides };

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
    publishReaders(fleet, publishers, clusters);

    const inventory = createInventory({ ports, fleet, assignments, clusters, runs, drift: driftJudge, approversOf: (run) => rollout.approversOf(run), overriddenBy: (cluster, run) => windows.windowOf(cluster, run).overriddenBy, revocations, acceptance });
    const mesh = createMesh({ ports, sources, runs, strategies, drift: driftJudge, rotationStrategy: () => rotation.strategy() });
    const skipEvents = createSkipEvents({ ports, meshes });
    const access = createAccess({ ports, sources });
    const certManager = config.certManager === undefined ? undefined : createCertManager({ ports, authority, namespace: namespace, issuer: config.certManager, onChange: () => rotation.add(FLEET_AUTHORITY) });
    const rotation = createRotation({ ports, objects: authorityObjects, certManager, authority, clusters, fleet, revocations, published: () => serving.publishedSequence(), onChange: () => mesh.add('plan') });
    const packageOf = (name: string): string | undefined => bundleObjects.get({ name })?.spec.package;
    const guards = createGuards(ports);
    const editors = createEditors({ ports, guards, watched: caches.edited });
    const windows = createWindows({ ports, clusters, runs, windows: changeWindows, overrides: windowOverrides, guards, packageOf });
    const approvals = createApprovals({ ports, approvals: approvalObjects, runs, guards });
    const source = `/isthmus/${trustDomain}`;
    const askedGates = createAskedGates({ ports, runs, namespace: namespace, source });
    const notices = [createRunEvents({ ports, runs }), ...createSinks({ ports, runs, sinks: config.notifications ?? [], namespace: namespace, source })];
    const rollout = createRollout({ ports, sources, fleet, runs, strategies, drift: driftJudge, gates: allGates([approvals, askedGates]), windows, bundles, editors, onProgress: () => { for (const notice of notices) notice.wake(); } });
    const channels = createChannels({ ports, channels: channelObjects, bundles: bundleObjects, runs, judge: bundleJudge, assignments, fleet, drift: driftJudge, clusters, views: () => clusterViews(sources) });
    const drift = createDrift({ ports, judge: driftJudge, clusters, policies: driftPolicies, decisions: driftDecisions });
    const services = createServices({ ports, fleet, publishers, clusters, policies, reach: createReach({ ids, meshes, clusters }), revocations });
    const drills = createDrills({ ports, fleet, publishers, drills: drillObjects, clusters });
    const savedQueryChecks = createSavedQueries({ ports, saved: savedQueries });
    const selectorChecks = createSelectorChecks(ports, policies, strategies);
    const profiles = createProfiles({ ports, clusters, namespace, trustDomain, on: others.clusterProfiles });
    const discovered = createDiscovery({ ports, clusters, namespace, config: others, published: profiles.state });
    const inquiries = createInquiries({ ports, inquiries: inquiryObjects, answers: allAnswers({ ports, caches, fleet, publishers, sources, drift: driftJudge, bundles, packageOf, discovered }) });
    const identity = tellingRefusedJoins({ clock, metrics, log: log.child({ part: 'identity' }) }, createIdentityService({ kubernetes, authority, clock, digest, log: log.child({ part: 'identity' }), onIdentity: (cluster, given) => inventory.giveIdentity(cluster, given), admitJoin: revocations.admitJoin, acceptance, admissions: admissions.list }));

    readiness.only(INCOMPLETE);
    const serving = createServing({
      ports, namespace, advertised: config.advertisedAddress, authority, fleet, readiness, asked: certManager && (() => `an issuing CA waits for cert-manager: ${certManager.condition().message}`),
      handler: () => refusingRevoked(revocations, lines.refusingOthers({ ...identity, sync: gateway.sync })),
      onPublished() {
        mesh.add('plan');
        rotation.add(FLEET_AUTHORITY);
      },
    });

    /** What agents must not find half done: the gateway opens last. */
    async function afterSync(within: CancelSignal): Promise<void> {
      await caches.waitForSync(within);
      if (within.aborted) return;
      readiness.end(INCOMPLETE);
      await assignments.load();
      await ids.know();
      await bundlePublishing.load();
      await revocations.load();
      await drills.resume();
      for (const notice of notices) await notice.load();
      const measures = [measureRuns({ ports, runs, budgetOf: openBudgets({ rollout, runs, fleet }) }), measureClusters({ ports, clusters }), measureExpiry({ ports, authority, clusters, server: () => authority.serverMaterial(serving.host()).chainPem })];
      await runParts([
        ...notices.map(({ start }) => ({ name: 'notices', start })),
        { name: 'revocations', start: revocations.start },
        { name: 'lines of keys', start: lines.start },
        { name: 'inventory', start: inventory.start },
        { name: 'mesh', start: mesh.start },
        { name: 'skip events', start: skipEvents.start },
        { name: 'access', start: access.start },
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
        { name: 'gateway', start: serving.start },
      ], within, ports).finally(() => { for (const stop of measures) stop(); });
    }

    await runParts([
      ...caches.parts,
      { name: 'authority', start: authority.keepFresh },
      { name: 'records', start: (within) => checkRecords(ports, readiness, within) },
      { name: 'retention', start: keepHistoryShort(ports, config.history ?? USUAL_RETENTION) },
      { name: 'shells', start: afterSync },
    ], signal, ports);
  }

  return {
    async start(signal) {
      await workWhileLeading({ ports: outside, config, readiness, work }, signal);
      readiness.add('stopped');
    },
    ready: readiness.current,
  };
}
