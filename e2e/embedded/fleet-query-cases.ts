/** `isthmus fleet query` as a process against a hub as a process, and kubectl beside it: the same on every API server. */
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../controller/demo/eventually.ts';
import { seedCapacity } from '../../controller/demo/capacity.ts';
import { apply } from '../../controller/demo/objects.ts';
import type { ClusterObject } from '../../mesh/api/resources/cluster.ts';
import { apiVersionOf, Cluster } from '../../mesh/api/resources/index.ts';
import type { FindAnswer, QueryAnswer, ReportAnswer } from '../../mesh/api/resources/inquiry-answers.ts';
import { type AgentProcess, type HubProcess, launch, type MemberApi, startAgent, startMemberApi, temporaryFolder } from './hub-process.ts';

const never = new AbortController().signal;
const kubectlMissing = spawnSync('kubectl', ['version', '--client']).status !== 0;
if (kubectlMissing) console.warn('skipped: kubectl is not on PATH');

interface Printed { readonly status: number; readonly stdout: string; readonly stderr: string }

const LABELS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  berlin: { region: 'europe', stage: 'production' }, oslo: { region: 'europe', stage: 'canary' }, paris: { region: 'europe', stage: 'production' }, virginia: { region: 'us', stage: 'production' },
};

export function fleetQueryCases(name: string, start: (folder: string) => Promise<{ readonly hub: HubProcess; stop(): Promise<void> }>): void {
  describe(`fleet query, ${name}`, () => {
    const folder = temporaryFolder();
    let hub: HubProcess;
    let stopAll: () => Promise<void> = async () => {};
    let member: MemberApi | undefined;
    let agent: AgentProcess | undefined;

    beforeAll(async () => {
      const started = await start(folder.path);
      ({ hub } = started);
      stopAll = started.stop;
      for (const [cluster, labels] of Object.entries(LABELS)) {
        const spec = cluster === 'paris' ? { frozen: { reason: 'year end' } } : {};
        await hub.client.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: cluster, labels }, spec }, { fieldManager: 'test' }, never);
      }
      member = await startMemberApi(folder.path, 'berlin');
      await seedCapacity(member.client, {
        name: 'berlin', labels: { region: 'europe' }, nodes: [{ cpu: '8', memory: '32Gi' }, { cpu: '16', memory: '64Gi', gpus: 2 }], storageClasses: ['fast'],
        pods: [{ name: 'web', team: 'checkout', cpu: '1500m', memory: '4Gi' }, { name: 'ranking', team: 'search', cpu: '4', memory: '16Gi', gpus: 1 }],
      }, never);
      const token = await hub.isthmus('join', 'berlin', '-o', 'token');
      agent = await startAgent(folder.path, 'berlin', member.kubeconfig, token.stdout.trim());
      await eventually('berlin is connected and has reported', 30_000, async () => (await query('connected,agent-version,drift=0', '-o', 'name')).stdout === 'cluster.isthmus.dev/berlin\n');
    });
    afterAll(async () => {
      await agent?.running.stop();
      await member?.stop();
      await stopAll();
      folder.remove();
    });

    const query = (...words: string[]) => hub.isthmus('fleet', 'query', ...words);
    const kubectl = (...words: string[]): Promise<Printed> => new Promise((done) => {
      execFile('kubectl', words, { env: { ...process.env, KUBECONFIG: hub.kubeconfig, HOME: folder.path }, timeout: 30_000 }, (error, stdout, stderr) => done({ status: error === null ? 0 : 1, stdout, stderr }));
    });
    const file = (text: string): string => {
      const path = join(folder.path, 'object.yaml');
      writeFileSync(path, text);
      return path;
    };
    const label = (cluster: string, labels: Record<string, string | null>) => hub.client.patch(Cluster, { name: cluster }, { metadata: { labels } }, { type: 'merge', fieldManager: 'kubectl' }, never);

    test('what is known is told with its source\'s age, and what is not as unknown', async () => {
      const table = await query('name in (berlin,oslo) order by name', '--columns', 'connected,nodes,frozen,last-heard', '-o', 'wide');
      expect([table.status, table.stdout]).toEqual([0, expect.stringMatching(/^NAME +CONNECTED +NODES +FROZEN +LAST-HEARD +AGE\nberlin +true +\d+ +false +\d+s +\d+s\noslo +(false|<unknown>) +<unknown> +false +<unknown> +<unknown>\n$/)]);
      expect(table.stderr).toMatch(/^2 of 4 clusters, from the hub's memory as of \S+; index: .+, \d looked at\ndeclared: 0s old\nobserved: \d+s old at best, \d+s at worst \(berlin\); never heard of 1\nhub: 0s old\n$/);
      const quiet = await query('-q', '-o', 'name', 'stage=production,!frozen,region=e*');
      expect(quiet).toEqual({ status: 0, stdout: 'cluster.isthmus.dev/berlin\n', stderr: '' });
      const csv = await query('-q', '-o', 'csv', '--columns', 'region,frozen', '--sort-by', 'name desc', '--no-headers');
      expect(csv.stdout.split('\r\n').map((line) => line.split(',').slice(0, 3).join(' '))).toEqual(['virginia us false', 'paris europe true', 'oslo europe false', 'berlin europe false', '']);
    });

    test('known to have none is not unknown', async () => {
      const table = await query('-q', 'name in (berlin,oslo) order by name', '--columns', 'current,desired,issuing-ca-generation,agent-version');
      expect(table.stdout).toMatch(/^NAME +CURRENT +DESIRED +ISSUING-CA-GENERATION +AGENT-VERSION\nberlin +<none> +\S+ +1 +\d\S+\noslo +<none> +<none> +<none> +<unknown>\n$/);
      expect((await query('-q', '!issuer', '-o', 'name')).stdout).toBe('cluster.isthmus.dev/oslo\ncluster.isthmus.dev/paris\ncluster.isthmus.dev/virginia\n');
      expect((await query('-q', 'issuing-ca-generation!=1,name=o*', '-o', 'name')).stdout).toBe('cluster.isthmus.dev/oslo\n');
      const undecided = await query('!agent-version', '-o', 'name');
      expect([undecided.stdout, undecided.stderr]).toEqual(['', expect.stringContaining('3 more would match or not by what nobody has told: oslo, paris, virginia')]);
    });

    test('a report and a search tell real nodes\' and pods\' numbers, also of the past', async () => {
      const report = await hub.isthmus('fleet', 'report', '--by', 'region');
      expect(report.stdout).toMatch(/\neurope +1 +23\.6 +5\.5 +18\.1 +92Gi +20Gi +72Gi +2 +1 +<unknown> +<unknown> +now\nus +0( +<unknown>){11}\n/);
      expect(report.stderr).toContain('unknown of oslo: capacity and requests: no agent has joined\n');
      expect((await hub.isthmus('fleet', 'find', 'region=europe', '--class', 'gpu', '--free-cpu', '18', '-o', 'name')).stdout).toBe('cluster.isthmus.dev/berlin\n');
      const then = new Date().toISOString();
      const past = await hub.isthmus('fleet', 'report', 'name=berlin', '--workload-label', 'team', '--at', then);
      expect(past.stdout).toMatch(/^TEAM +.*\ncheckout +1 +1\.5 +4Gi +1 +0 +<unknown> +then\nsearch +1 +4 +16Gi +1 +1 +<unknown> +then\n/);
      expect((await hub.isthmus('fleet', 'find', '--class', 'gpu', '--at', then, '-o', 'name')).stdout).toBe('cluster.isthmus.dev/berlin\n');
      expect(await hub.isthmus('fleet', 'report', '--at', '2999-01-01')).toMatchObject({ status: 2, stderr: expect.stringContaining('is in the future') as string });
    });

    test('what is wrong is pointed at', async () => {
      const outcomes = await Promise.all([query('region=europe,=x'), query('regoin=europe'), query('agent-version<new'), query('', '--at', '2999-01-01'), query('@nobody')]);
      expect(outcomes.map(({ status }) => status)).toEqual([2, 2, 2, 2, 1]);
      expect(outcomes.map(({ stdout }) => stdout)).toEqual(['', '', '', '', '']);
      expect(outcomes.map(({ stderr }) => stderr)).toEqual([
        expect.stringMatching(/^isthmus: expected a key .*\n {2}region=europe,=x\n {16}\^\n$/),
        'isthmus: no cluster has a label or property "regoin", and it is no fact; did you mean "region"?\n  regoin=europe\n  ^\n',
        expect.stringMatching(/^isthmus: agent-version is compared with "new".*\n {2}agent-version<new\n {16}\^\n$/),
        expect.stringMatching(/^isthmus: --at "2999-01-01": is in the future, it is \S+ now\n$/),
        expect.stringMatching(/^isthmus: saved query "nobody": there is none of that name/),
      ]);
    });

    test('--at tells what was', async () => {
      await label('virginia', { team: 'payments' });
      await eventually('the label is recorded', 45_000, async () => (await query('-q', 'team=payments', '-o', 'name', '--at', '0s')).stdout === 'cluster.isthmus.dev/virginia\n');
      const then = new Date().toISOString();
      await sleep(10);
      await label('virginia', { team: 'trading' });
      await eventually('the change is recorded', 45_000, async () => (await query('-q', 'team=payments', '-o', 'name', '--at', '0s')).stdout === '');
      const past = await query('team=payments', '-o', 'json', '--columns', 'team', '--at', then);
      expect(JSON.parse(past.stdout)).toMatchObject({ from: 'records', at: then, matched: 1, total: 4, rows: [{ name: 'virginia', columns: { team: 'payments' } }] });
      expect((await query('-q', 'team=*', '-o', 'name')).stdout).toBe('cluster.isthmus.dev/virginia\n');
    });

    test('--watch prints changes as they come and ends on Ctrl-C', async () => {
      const watching = launch(['--kubeconfig', hub.kubeconfig, 'fleet', 'query', 'stage=canary', '--columns', 'region', '-w']);
      const lines = (): string[] => watching.printed().stdout.split('\n').map((line) => line.replace(/ +/g, ' ')).filter((line) => line !== '');
      const until = (count: number): Promise<unknown> => eventually(`${count} lines`, 45_000, () => Promise.resolve(lines().length >= count), () => watching.printed());
      await until(2);
      await label('berlin', { stage: 'canary' });
      await until(3);
      await label('oslo', { stage: 'production' });
      await until(4);
      await label('berlin', { stage: 'production', region: 'europe' });
      await until(5);
      watching.child.kill('SIGINT');
      const outcome = await watching.outcome();
      expect(outcome.status, outcome.stderr).toBe(0);
      expect(lines()).toEqual(['EVENT NAME REGION', 'ADDED oslo europe', 'ADDED berlin europe', 'DELETED oslo europe', 'DELETED berlin europe']);
      expect(outcome.stderr).toContain('1 of 4 clusters, from the hub\'s memory');
      await label('oslo', { stage: 'canary' });
    });

    test('a long answer comes in pages', async () => {
      const keys = Array.from({ length: 60 }, (_, at) => `note-${at}`);
      const labels = { batch: 'long', ...Object.fromEntries(keys.map((key) => [key, 'x'.repeat(63)])) };
      const names = Array.from({ length: 200 }, (_, at) => `long-${String(at).padStart(3, '0')}`);
      for (let at = 0; at < names.length; at += 20) {
        await Promise.all(names.slice(at, at + 20).map((one) => hub.client.create<ClusterObject>(Cluster, { apiVersion: apiVersionOf(Cluster), kind: 'Cluster', metadata: { name: one, labels }, spec: {} }, { fieldManager: 'test' }, never)));
      }
      await eventually('the hub knows them', 45_000, async () => (await query('-q', '-o', 'name', 'batch=long')).stdout.split('\n').length === names.length + 1);
      const answer = JSON.parse((await query('batch=long', '-o', 'json', '--columns', keys.join(','))).stdout) as QueryAnswer;
      expect(answer.rows.map((row) => row.name)).toEqual(names);
      expect(answer.rows.every(({ columns }) => Object.keys(columns).length === keys.length)).toBe(true);
      await Promise.all(names.map((one) => hub.client.delete(Cluster, { name: one }, {}, never)));
      await eventually('the hub forgets them', 45_000, async () => (await query('-q', '-o', 'name', 'batch=long')).stdout === '');
    });

    describe.skipIf(kubectlMissing)('and kubectl', () => {
      test('name the same clusters', async () => {
        expect((await query('-q', 'order by name', '-o', 'name')).stdout).toBe((await kubectl('get', 'clusters.isthmus.dev', '-o', 'name')).stdout);
        expect((await query('-q', 'region in (europe),stage!=canary order by name', '-o', 'name')).stdout).toBe((await kubectl('get', 'clusters.isthmus.dev', '-l', 'region in (europe),stage!=canary', '-o', 'name')).stdout);
        const conditions = await kubectl('get', 'clusters.isthmus.dev', '-o', 'jsonpath={range .items[*]}{.metadata.name},{.status.conditions[?(@.type=="Ready")].status},{.status.agentVersion}{"\\n"}{end}');
        const rows = await query('-q', 'order by name', '--columns', 'ready,agent-version', '-o', 'csv', '--no-headers');
        const truth = new Map([['True', 'true'], ['False', 'false'], ['Unknown', '']]);
        expect(rows.stdout.split('\r\n').map((line) => line.split(',').slice(0, 3).join(','))).toEqual(conditions.stdout.split('\n').map((line) => line.split(',').map((cell) => truth.get(cell) ?? cell).join(',')));
      });

      test('get the same answer from an Inquiry that kubectl made', async () => {
        const made = await kubectl('create', '-f', file('apiVersion: isthmus.dev/v1alpha1\nkind: Inquiry\nmetadata: {generateName: mine-}\nspec: {query: {text: "region=europe order by name desc", columns: [stage, frozen]}}\n'), '-o', 'name');
        let answer = '';
        await eventually('it is answered', 45_000, async () => { answer = (await kubectl('get', made.stdout.trim(), '-o', 'jsonpath={.status.answer}')).stdout; return answer !== ''; });
        const mine = JSON.parse(answer) as QueryAnswer;
        const theirs = JSON.parse((await query('region=europe order by name desc', '--columns', 'stage,frozen', '-o', 'json')).stdout) as QueryAnswer;
        const timeless = ({ rows, at: _at, sources: _sources, ...rest }: QueryAnswer) => ({ ...rest, rows: rows.map(({ ageSeconds: _age, ...row }) => row) });
        expect(timeless(mine)).toEqual(timeless(theirs));
        expect(mine.rows.map((row) => [row.name, row.columns['stage'], row.columns['frozen']])).toEqual([['paris', 'production', true], ['oslo', 'canary', false], ['berlin', 'production', false]]);
      });

      test('get reports and searches from an Inquiry, too', async () => {
        const ask = async (spec: string): Promise<unknown> => {
          const made = await kubectl('create', '-f', file(`apiVersion: isthmus.dev/v1alpha1\nkind: Inquiry\nmetadata: {generateName: capacity-}\nspec: ${spec}\n`), '-o', 'name');
          let answer = '';
          await eventually('it is answered', 45_000, async () => { answer = (await kubectl('get', made.stdout.trim(), '-o', 'jsonpath={.status.answer}')).stdout; return answer !== ''; });
          return JSON.parse(answer);
        };
        const report = await ask('{report: {text: "name=berlin"}}') as ReportAnswer;
        expect([report.groups[0]?.requested?.cpuMilli, report.sum.clusterCount, report.from]).toEqual([5500, 1, 'memory']);
        const theirs = JSON.parse((await hub.isthmus('fleet', 'report', 'name=berlin', '-o', 'json')).stdout) as { groups: { requested: unknown }[] };
        expect(theirs.groups[0]?.requested).toEqual(report.groups[0]?.requested);
        const found = await ask('{find: {classes: [gpu], explain: true}}') as FindAnswer;
        expect(found.clusters.map(({ name: cluster, chosen }) => [cluster, chosen])).toEqual([['berlin', true], ['oslo', false], ['paris', false], ['virginia', false]]);
        expect((await kubectl('create', '-f', file('apiVersion: isthmus.dev/v1alpha1\nkind: Inquiry\nmetadata: {generateName: both-}\nspec: {report: {by: a, workloadLabel: b}}\n'))).stderr).toContain('a report is made by one of by, workloadLabel');
      });

      test('share saved queries', async () => {
        const saved = (one: string, text: string): string => `apiVersion: isthmus.dev/v1alpha1\nkind: FleetQuery\nmetadata: {name: ${one}}\nspec: {query: ${JSON.stringify(text)}, columns: [stage]}\n`;
        expect((await kubectl('apply', '-f', file(`${saved('thawed', 'region=europe,!frozen order by name')}---\n${saved('broken', 'region=europe,frozn=')}`))).status).toBe(0);
        expect((await kubectl('wait', 'fleetquery/thawed', '--for=condition=Valid', '--timeout=20s')).status).toBe(0);
        expect((await query('-q', '@thawed')).stdout).toBe('NAME     STAGE\nberlin   production\noslo     canary\n');
        expect((await query('-q', '--saved', 'thawed', '-o', 'name', '--sort-by', 'stage')).stdout).toBe('cluster.isthmus.dev/oslo\ncluster.isthmus.dev/berlin\n');
        expect(await query('@thawde')).toMatchObject({ status: 1, stderr: 'isthmus: saved query "thawde": there is none of that name; did you mean "thawed"?\n' });
        expect((await kubectl('get', 'fleetqueries')).stdout).toMatch(/^NAME +QUERY +VALID +AGE\nbroken .*\nthawed +region=europe,!frozen order by name +True +\d+s\n$/);
        await apply(hub.client, Cluster, 'oslo', {}, never);
        expect(await query('@broken')).toMatchObject({ status: 2, stderr: expect.stringMatching(/^isthmus: saved query "broken": .*did you mean "frozen"\?\n {2}region=europe,frozn=\n {16}\^\n$/) });
      });
    });

    test('a silent agent grows old, and nothing is written for it', async () => {
      await agent?.running.stop();
      agent = undefined;
      await eventually('berlin is not connected', 45_000, async () => (await query('-q', '!connected', '-o', 'name')).stdout.includes('/berlin\n'));
      await eventually('its status says so, too', 45_000, async () => (await hub.client.get<ClusterObject>(Cluster, { name: 'berlin' }, never))?.status?.conditions?.some(({ type, status }) => type === 'Connected' && status === 'False') === true);
      const before = await hub.client.get(Cluster, { name: 'berlin' }, never);
      const ages: (number | null | undefined)[] = [];
      for (let round = 0; round < 2; round += 1) {
        await sleep(2100);
        ages.push((JSON.parse((await query('name=berlin', '-o', 'json')).stdout) as QueryAnswer).rows[0]?.ageSeconds);
      }
      expect(ages[0]).toBeGreaterThanOrEqual(2);
      expect(ages[1]).toBeGreaterThan(ages[0] ?? 0);
      expect((await hub.client.get(Cluster, { name: 'berlin' }, never))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
    });
  });
}
