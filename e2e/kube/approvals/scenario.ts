/** Who may approve, on a server with what the hub's chart brings: a hub in this process with its own account's rights, one scripted agent, and people with tokens. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { openSqliteRecords } from '../../../controller/adapters/records/sqlite.ts';
import { approveRun } from '../../../controller/cli/run/approve.ts';
import { retryRun, tellRun, undoRun } from '../../../controller/cli/run/change.ts';
import { showRun } from '../../../controller/cli/run/status.ts';
import type { Environment } from '../../../controller/cli/environment.ts';
import { eventually } from '../../../controller/demo/eventually.ts';
import { type Bench, scriptedAgent, type ScriptedAgent } from '../../../controller/hub/testing/bench.ts';
import { createHub } from '../../../controller/hub/wiring.ts';
import { fakeMetrics, recordingLog, seededRandom } from '../../../controller/runtime/testing/fakes.ts';
import { NO_ETCD } from '../../../controller/demo/steps/03-plan.ts';
import type { ApprovalObject } from '../../../mesh/api/resources/approval.ts';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { CHANGED_BY } from '../../../mesh/api/resources/guard-changes.ts';
import { GUARD_NAME } from '../../../mesh/api/resources/guards.ts';
import { Approval, apiVersionOf, Cluster, DriftDecision, Drill, FailoverPolicy, Mesh, type ResourceDefinition, UpdateRun, UpdateStrategy, WindowOverride } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { GatewayHandler } from '../../../mesh/ports/transport.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';

const never = new AbortController().signal;
const KEY = 'all/before/leads';
const PATIENCE = 45_000;
const GROUP = 'rbac.authorization.k8s.io';
const roles: ResourceKind = { group: GROUP, version: 'v1', kind: 'ClusterRole', plural: 'clusterroles', namespaced: false };
const bindings: ResourceKind = { group: GROUP, version: 'v1', kind: 'ClusterRoleBinding', plural: 'clusterrolebindings', namespaced: false };
const STRATEGY = { stages: [{ name: 'all', clusters: {}, before: [{ name: 'leads', approval: { count: 2, groups: ['leads'] } }] }] };

/** dan has the role and is in no group; ben has nothing. */
export const PEOPLE = [
  { name: 'ann', token: 'ann-token-of-the-approvals-suite', groups: ['leads'] },
  { name: 'cleo', token: 'cleo-token-of-the-approvals-suite', groups: ['leads', 'owners'] },
  { name: 'dan', token: 'dan-token-of-the-approvals-suite', groups: [] },
  { name: 'ben', token: 'ben-token-of-the-approvals-suite', groups: ['leads'] },
] as const;
type Name = (typeof PEOPLE)[number]['name'];

export interface Place {
  readonly admin: KubernetesClient;
  readonly hubs: KubernetesClient;
  /** The chart's objects are there already; else the hub brings what vouches for people, and their roles. */
  readonly installed: boolean;
  as(name: Name): KubernetesClient;
  /** From then on the API server writes nobody's name down by itself, as those before Kubernetes 1.36; absent: it always does. */
  writeNothing?(): Promise<void>;
  stop(): Promise<void>;
}

export function approvalScenario(name: string, start: () => Promise<Place>): void {
  describe(`approvals on ${name}`, () => {
    let place: Place;
    let agent: ScriptedAgent;
    const stop = new AbortController();
    let ended: Promise<void> | undefined;
    let failure: unknown;

    const make = (client: KubernetesClient, kind: ResourceKind, named: string, spec: object): Promise<KubernetesObject> =>
      client.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: named }, spec } as KubernetesObject, { fieldManager: 'somebody' }, never);
    const approve = (who: Name, named: string, over: object = {}): Promise<KubernetesObject> => make(place.as(who), Approval, named, { run: 'europe-1', gate: KEY, approver: who, groups: ['leads'], ...over });
    const refused = async (attempt: Promise<unknown>): Promise<{ readonly code: number; readonly message: string }> => {
      const error = await attempt.then(() => undefined, (thrown: unknown) => thrown);
      if (!(error instanceof KubernetesError)) throw new Error(`expected a refusal, got ${String(error)}`);
      return { code: error.code, message: error.message };
    };
    const read = <T extends KubernetesObject>(kind: ResourceDefinition, named: string): Promise<T | undefined> => place.admin.get<T>(kind, { name: named }, never);
    const counted = (named: string): Promise<readonly unknown[]> => eventually(`the hub looks at ${named}`, PATIENCE, async () => {
      const status = (await read<ApprovalObject>(Approval, named))?.status;
      return status?.counted === undefined ? undefined : [status.counted, status.conditions?.find(({ type }) => type === 'Counted')?.reason];
    });
    const gate = async (run: string, phase: string): Promise<unknown> => {
      let last: unknown;
      return eventually(`gate of ${run} is ${phase}`, PATIENCE, async () => {
        last = (await read<UpdateRunObject>(UpdateRun, run))?.status ?? (await read<MeshObject>(Mesh, 'europe'))?.status;
        const found = (last as UpdateRunObject['status'])?.gates?.find((each) => each.name === KEY);
        return found?.phase === phase ? found : undefined;
      }, () => last);
    };
    function commandLine(who: Name): Environment & { readonly printed: () => string } {
      let out = '';
      return {
        out: (text) => { out += text; }, err: () => {}, printed: () => out, signal: never, terminal: { interactive: false }, connect: async () => place.as(who), now: () => Date.now(),
        sleep: async (milliseconds) => { await sleep(milliseconds); }, user: 'root',
      };
    }

    beforeAll(async () => {
      place = await start();
      const { admin } = place;
      const bind = (role: string, people: readonly Name[]): Promise<KubernetesObject> => admin.create(bindings, {
        apiVersion: `${GROUP}/v1`, kind: 'ClusterRoleBinding', metadata: { name: `people-${role}` }, roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: role }, subjects: people.map((person) => ({ apiGroup: GROUP, kind: 'User', name: person })),
      } as KubernetesObject, { fieldManager: 'somebody' }, never);
      await bind('isthmus-run-approver', ['ann', 'cleo', 'dan']);
      await bind('isthmus-window-overrider', ['cleo']);
      await admin.create(roles, { apiVersion: `${GROUP}/v1`, kind: 'ClusterRole', metadata: { name: 'operators' }, rules: [{ apiGroups: ['isthmus.dev'], resources: ['updateruns', 'drills', 'driftdecisions', 'meshes', 'failoverpolicies', 'inquiries'], verbs: ['*'] }] } as KubernetesObject, { fieldManager: 'somebody' }, never);
      await bind('operators', ['ann']);

      // Before the hub's first look: after that, who has joined is the hub's to say.
      const joined = await admin.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: 'berlin' }, spec: {} }, { fieldManager: 'somebody' }, never);
      const identity = { spiffeId: 'spiffe://fleet.example/cluster/berlin', certificateSerial: '1', issuer: 'test', notAfter: toRfc3339(Date.now() + 86_400_000), joinedAt: toRfc3339(Date.now()) };
      await admin.patch(Cluster, { name: 'berlin' }, { status: { ...joined.status, identity } }, { type: 'merge', fieldManager: 'somebody', subresource: 'status' }, never);

      let handler: GatewayHandler | undefined;
      const log = recordingLog();
      const records = await openSqliteRecords(':memory:');
      const hub = createHub({
        clock: systemClock, random: seededRandom(3), kubernetes: place.hubs, records, signer: deterministicSigner('approvals'), log, metrics: fakeMetrics(), digest: sha256Hex,
        gateway: { serve: async (given) => {
          handler = given;
          return { address: 'hub.test:8443' };
        } },
      }, { namespace: 'isthmus-system', trustDomain: 'fleet.example', advertisedAddress: 'hub.test:8443', createNamespace: !place.installed, inventory: { clusterProfiles: false, discover: false, argoNamespaces: [] } });
      ended = hub.start(stop.signal).catch((error: unknown) => { failure = error; }).finally(() => records.close());
      await eventually('the hub is ready', PATIENCE, async () => {
        if (failure !== undefined) throw failure as Error;
        return hub.ready().ok && handler !== undefined;
      }, () => [...hub.ready().reasons, ...log.lines.filter(({ level }) => level !== 'debug').slice(-5)]);
      agent = scriptedAgent('berlin', 1);
      agent.connect({ handler: () => handler } as unknown as Bench);
      await make(admin, UpdateStrategy, 'gated', STRATEGY);
      await make(admin, UpdateStrategy, 'single', { stages: [{ name: 'all', clusters: {}, before: [{ name: 'leads', approval: { count: 1, groups: ['leads'] } }] }] });
      await make(admin, Mesh, 'europe', { clusters: {}, strategy: 'gated', skips: NO_ETCD });
      await gate('europe-1', 'Waiting');
    }, 90_000);
    afterAll(async () => {
      stop.abort();
      await ended;
      await place?.stop();
    });

    test('whoever has not the role cannot approve', async () => {
      const { code, message } = await refused(approve('ben', 'by-ben'));
      expect([code, message]).toEqual([403, expect.stringContaining('User "ben" cannot create resource "approvals" in API group "isthmus.dev" at the cluster scope')]);
      await expect(approveRun(commandLine('ben'), 'europe-1', { decision: 'Approve', gate: undefined, reason: '', dryRun: false })).rejects.toThrow(/cannot get resource "updateruns"/);
    });

    test('nobody approves in the name of another, nor as of a group that they are not in', async () => {
      const asBen = await refused(approve('ann', 'as-ben', { approver: 'ben' }));
      expect([asBen.code, asBen.message]).toEqual([422, expect.stringContaining(`ValidatingAdmissionPolicy '${GUARD_NAME}' with binding '${GUARD_NAME}' denied request: spec.approver is ben, and you are ann: nobody approves in the name of another`)]);
      const asOwner = await refused(approve('ann', 'as-owner', { groups: ['leads', 'owners', 'kings'] }));
      expect([asOwner.code, asOwner.message]).toEqual([422, expect.stringContaining('denied request: spec.groups has owners, kings, and you, ann, are not in it')]);
      // Not the administrator either.
      expect((await refused(make(place.admin, Approval, 'by-admin', { run: 'europe-1', gate: KEY, approver: 'ann', groups: ['leads'] }))).code).toBe(422);
      const applied = place.as('ann').patch(Approval, { name: 'applied' }, { apiVersion: apiVersionOf(Approval), kind: 'Approval', metadata: { name: 'applied' }, spec: { run: 'europe-1', gate: KEY, approver: 'cleo', groups: ['leads'] } }, { type: 'apply', fieldManager: 'ann' }, never);
      // The role has no `patch`: this is refused before anybody looks at the name.
      expect((await refused(applied)).code).toBe(403);
    });

    test('nobody asks in the name of another for a run, a drill, a decision or an override', async () => {
      const run = { strategyName: 'gated', planDigest: 'x', reason: 'a test' };
      const says = 'denied request: spec.requestedBy is ben, and you are ann: nobody asks in the name of another';
      const asked: readonly [ResourceDefinition, object][] = [
        [UpdateRun, { ...run, requestedBy: 'ben' }],
        [Drill, { service: { namespace: 'shop', name: 'checkout' }, evacuate: 'berlin', requestedBy: 'ben' }],
        [DriftDecision, { cluster: 'berlin', action: 'accept', changes: [{ object: 'Secret a/b', path: '.data', actual: 'sha256:1' }], reason: 'a test', requestedBy: 'ben' }],
      ];
      for (const [kind, spec] of asked) expect(await refused(make(place.as('ann'), kind, 'in-a-name', spec)), kind.kind).toEqual({ code: 422, message: expect.stringContaining(says) });
      const override = { run: 'europe-1', reason: 'a test', expiresAt: toRfc3339(Date.now() + 60_000) };
      expect((await refused(make(place.as('cleo'), WindowOverride, 'in-a-name', { ...override, requestedBy: 'ben' }))).code).toBe(422);
      expect((await refused(make(place.as('ann'), WindowOverride, 'in-a-name', { ...override, requestedBy: 'ann' }))).code).toBe(403);
      const forEver = await refused(make(place.as('cleo'), WindowOverride, 'for-ever', { ...override, requestedBy: 'cleo', expiresAt: '9999-12-31T23:59:59Z' }));
      expect(forEver).toEqual({ code: 422, message: expect.stringContaining('denied request: spec.expiresAt is 9999-12-31T23:59:59Z, and an override lasts 7 days at most') });
      expect((await refused(make(place.as('cleo'), WindowOverride, 'no-reason', { ...override, requestedBy: 'cleo', reason: ' ' }))).message).toContain('spec.reason');
      expect((await refused(make(place.as('cleo'), Approval, 'no-reason', { run: 'nowhere', gate: KEY, decision: 'Reject', reason: ' ', approver: 'cleo' }))).message).toContain('say in reason why it is rejected');
      await make(place.as('cleo'), WindowOverride, 'a-week', { ...override, requestedBy: 'cleo', expiresAt: toRfc3339(Date.now() + 7 * 86_400_000) });
      expect((await make(place.as('cleo'), WindowOverride, 'hers', { ...override, requestedBy: 'cleo' })).metadata.name).toBe('hers');
      // Nor later.
      await make(place.as('ann'), Drill, 'hers', { service: { namespace: 'shop', name: 'checkout' }, evacuate: 'nowhere', requestedBy: 'ann', stop: true });
      expect((await refused(place.as('ann').patch(Drill, { name: 'hers' }, { spec: { requestedBy: 'ben' } }, { type: 'merge', fieldManager: 'ann' }, never))).code).toBe(422);
    });

    test('who is in no group of the gate is told so, by the command and by the object', async () => {
      await expect(approveRun(commandLine('dan'), 'europe-1', { decision: 'Approve', gate: 'leads', reason: '', dryRun: false })).rejects.toThrow(`gate ${KEY} wants people of group leads; you are dan (groups system:authenticated)`);
      await approve('dan', 'by-dan', { groups: ['system:authenticated'] });
      expect(await counted('by-dan')).toEqual([false, 'NotInGroups']);
    });

    test('the same person twice is one; once so many have approved, the run goes on', async () => {
      await approve('ann', 'ann-1');
      await approve('ann', 'ann-2');
      expect(await counted('ann-2')).toEqual([true, 'Counted']);
      await eventually('the older one is told', PATIENCE, async () => (await read<ApprovalObject>(Approval, 'ann-1'))?.status?.counted === false);
      expect(await counted('ann-1')).toEqual([false, 'NewerWord']);
      expect(await gate('europe-1', 'Waiting')).toMatchObject({ approvedBy: ['ann'], message: expect.stringContaining('1 of 2 approvals from leads (ann)') });
      const environment = commandLine('cleo');
      await approveRun(environment, 'europe-1', { decision: 'Approve', gate: undefined, reason: 'looks well', dryRun: false });
      expect(environment.printed()).toMatch(new RegExp(`^approval\\.isthmus\\.dev/europe-1-all-before-leads-[0-9a-f]{12} created\ncleo approves gate ${KEY} of run europe-1; it counts\n$`));
      expect(await gate('europe-1', 'Passed')).toMatchObject({ approvedBy: ['ann', 'cleo'], message: 'approved by ann, cleo (looks well)' });
      const again = commandLine('cleo');
      await expect(approveRun(again, 'europe-1', { decision: 'Approve', gate: 'leads', reason: '', dryRun: false })).rejects.toThrow(/has been decided: Passed, approved by ann, cleo|has ended/);
      await eventually('the run ends', PATIENCE, async () => {
        agent.apply();
        return (await read<UpdateRunObject>(UpdateRun, 'europe-1'))?.status?.phase === 'Completed';
      });
      // It goes with its run.
      expect((await place.admin.list(Approval, {}, never)).items.flatMap(({ metadata }) => metadata.ownerReferences ?? []).every(({ kind, name: run }) => kind === 'UpdateRun' && run === 'europe-1')).toBe(true);
    });

    test('nobody approves what they asked for themselves; one who rejects is enough', async () => {
      const environment = commandLine('ann');
      await undoRun(environment, 'europe-1', { reason: 'a test', dryRun: false });
      const run = /updaterun\.isthmus\.dev\/(\S+) created/.exec(environment.printed())?.[1] ?? '';
      expect((await read<UpdateRunObject>(UpdateRun, run))?.spec.requestedBy).toBe('ann');
      await gate(run, 'Waiting');
      await expect(approveRun(environment, run, { decision: 'Approve', gate: undefined, reason: '', dryRun: false })).rejects.toThrow(/^you asked for this run yourself; someone else( of group leads)? must approve it/);
      await approve('ann', 'her-own', { run });
      expect(await counted('her-own')).toEqual([false, 'NotTheAuthor']);
      expect(await gate(run, 'Waiting')).toMatchObject({ message: expect.stringContaining('ann asked for the run and has no word in it') });
      await make(place.as('cleo'), Approval, 'rejected-1', { run, gate: KEY, decision: 'Reject', reason: 'not now', approver: 'cleo', groups: ['leads'] });
      expect(await counted('rejected-1')).toEqual([true, 'Counted']);
      expect(await gate(run, 'Failed')).toMatchObject({ message: 'cleo refused: not now' });
      // What was said stays said.
      expect((await refused(place.admin.patch(Approval, { name: 'rejected-1' }, { spec: { decision: 'Approve' } }, { type: 'merge', fieldManager: 'admin' }, never))).code).toBe(422);
    });

    const failover = (named: string): object => ({ service: { namespace: 'shop', name: named }, priority: ['berlin'] });
    /** Of the plan, the newest that waits at its gate. */
    const waiting = (after: string): Promise<string> => eventually('the hub makes a run that waits', PATIENCE, async () => (
      (await place.admin.list<UpdateRunObject>(UpdateRun, {}, never)).items.find(({ metadata: { name: run }, status }) => /^europe-\d+$/.test(run) && run !== after && (status?.phase === 'Pending' || status?.phase === 'Waiting') && status.gates?.some((each) => each.name === KEY && each.phase === 'Waiting') === true)?.metadata.name));

    test('who changed what a run of the hub\'s own carries cannot approve it; somebody else can', async () => {
      const changed = await place.as('ann').patch<MeshObject>(Mesh, { name: 'europe' }, { metadata: { annotations: { [CHANGED_BY]: 'cleo' } }, spec: { strategy: 'single' } }, { type: 'merge', fieldManager: 'ann' }, never);
      expect(changed.metadata.annotations?.[CHANGED_BY]).toBe('ann');
      await make(place.as('ann'), FailoverPolicy, 'checkout', failover('checkout'));
      const run = await waiting('europe-1');
      const { spec, status } = (await read<UpdateRunObject>(UpdateRun, run))!;
      expect(spec.requestedBy).toBe('isthmus-hub');
      expect(status?.unknownChanges).toBeUndefined();
      expect(status?.changedBy?.find(({ person }) => person === 'ann')).toEqual({ person: 'ann', changed: ['FailoverPolicy checkout', 'Mesh europe'] });
      await expect(approveRun(commandLine('ann'), run, { decision: 'Approve', gate: undefined, reason: '', dryRun: false })).rejects.toThrow(/^you changed FailoverPolicy checkout, Mesh europe yourself, which this run carries; someone else of group leads must approve it/);
      await approve('ann', 'of-her-own', { run });
      expect(await counted('of-her-own')).toEqual([false, 'NotTheAuthor']);
      expect(await gate(run, 'Waiting')).toMatchObject({ message: expect.stringContaining('ann changed FailoverPolicy checkout, Mesh europe, which the run carries, and has no word in it') });
      await approveRun(commandLine('cleo'), run, { decision: 'Approve', gate: undefined, reason: 'read it', dryRun: false });
      expect(await gate(run, 'Passed')).toMatchObject({ approvedBy: ['cleo'] });
      await eventually('the run ends', PATIENCE, async () => {
        agent.apply();
        return (await read<UpdateRunObject>(UpdateRun, run))?.status?.phase === 'Completed';
      });
    });

    test('who pauses, resumes and stops is told, and nobody says so in the name of another', async () => {
      await make(place.as('ann'), FailoverPolicy, 'till', failover('till'));
      const run = await waiting('');
      const tell = (spec: object): Promise<KubernetesObject> => place.as('ann').patch(UpdateRun, { name: run }, { spec }, { type: 'merge', fieldManager: 'ann' }, never);
      const says = (phase: string, message: RegExp): Promise<unknown> => eventually(`run ${run} is ${phase}`, PATIENCE, async () => {
        const status = (await read<UpdateRunObject>(UpdateRun, run))?.status;
        return status?.phase === phase && message.test(status.message) ? status : undefined;
      }, async () => (await read<UpdateRunObject>(UpdateRun, run))?.status);
      await tell({ pause: true, pausedBy: 'cleo' });
      await says('Paused', /^paused by ann/);
      await tellRun(commandLine('ann'), run, 'resume');
      await says('Pending', /gate leads/);
      await tell({ stop: true, stoppedBy: 'cleo' });
      await says('Stopped', /stop was requested by ann/);
      const environment = commandLine('ann');
      await showRun(environment, run, { watch: false, output: 'table', journal: true, eta: false });
      expect(environment.printed()).toMatch(/^ {2}changed by: ann \(FailoverPolicy till\)$/m);
      expect(environment.printed()).toMatch(/^ {2}told: stopped by ann, resumed by ann$/m);
      expect(environment.printed()).toMatch(/Paused +paused by ann$[^]*Resumed +ann took back the pause of ann$[^]*Stopping +stop was requested by ann$/m);
    });

    test('where the API server writes nothing down, only one\'s own name is taken, and without a name gates hold until somebody answers for the run', async () => {
      if (place.writeNothing === undefined) return;
      await place.writeNothing();
      const policy = (named: string, annotations?: Record<string, string>): KubernetesObject => ({ apiVersion: apiVersionOf(FailoverPolicy), kind: 'FailoverPolicy', metadata: { name: named, ...(annotations === undefined ? {} : { annotations }) }, spec: failover(named) }) as KubernetesObject;
      const create = (named: string, annotations?: Record<string, string>, dryRun = false): Promise<KubernetesObject> => place.as('ann').create(FailoverPolicy, policy(named, annotations), { fieldManager: 'ann', dryRun }, never);
      await eventually('nothing is written down any more', PATIENCE, async () => (await create('probe', undefined, true)).metadata.annotations === undefined);
      expect(await refused(create('cafe', { [CHANGED_BY]: 'cleo' }))).toEqual({ code: 422, message: expect.stringContaining(`denied request: metadata.annotations[${CHANGED_BY}] is cleo, and it is ann: nobody changes anything in the name of another`) });
      expect((await create('cafe', { [CHANGED_BY]: 'ann' }, true)).metadata.annotations?.[CHANGED_BY]).toBe('ann');
      // Made by ann, as the API server has written down before.
      const edit = (body: object): Promise<KubernetesObject> => place.admin.patch(FailoverPolicy, { name: 'till' }, body, { type: 'merge', fieldManager: 'admin', dryRun: true }, never);
      expect((await refused(edit({ spec: { minimumReady: 2 } }))).message).toContain('is ann, and it is ');
      expect((await edit({ metadata: { labels: { a: 'b' } } })).metadata.annotations?.[CHANGED_BY]).toBe('ann');
      expect((await edit({ metadata: { annotations: { [CHANGED_BY]: null } }, spec: { minimumReady: 2 } })).metadata.annotations).toBeUndefined();
      await create('cafe');
      const run = await waiting('');
      await eventually('the run says what is not vouched for', PATIENCE, async () => (await read<UpdateRunObject>(UpdateRun, run))?.status?.unknownChanges?.some((text) => text === 'who changed FailoverPolicy cafe (generation 1) is not known') === true);
      await approve('cleo', 'in-vain', { run });
      expect(await counted('in-vain')).toEqual([false, 'NotGuarded']);
      expect((await refused(place.as('ann').patch(UpdateRun, { name: run }, { spec: { stop: true, stoppedBy: 'cleo' } }, { type: 'merge', fieldManager: 'ann' }, never))).message).toContain('spec.stoppedBy is cleo, and it is ann');
      await tellRun(commandLine('ann'), run, 'stop');
      await eventually('the run ends', PATIENCE, async () => (await read<UpdateRunObject>(UpdateRun, run))?.status?.phase === 'Stopped');
      expect((await read<UpdateRunObject>(UpdateRun, run))?.spec.stoppedBy).toBe('ann');
      const again = commandLine('ann');
      await retryRun(again, run, { reason: 'read all of it', dryRun: false });
      const taken = /updaterun\.isthmus\.dev\/(\S+) created/.exec(again.printed())?.[1] ?? '';
      await gate(taken, 'Waiting');
      await approve('cleo', 'at-last', { run: taken });
      expect(await gate(taken, 'Passed')).toMatchObject({ approvedBy: ['cleo'] });
    });
  });
}
