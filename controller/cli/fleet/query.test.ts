import { describe, expect, test } from 'vitest';
import { Cluster, FleetQuery } from '../../../mesh/api/resources/index.ts';
import type { QueryAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import { UsageProblem } from '../environment.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { queryFleet } from './query.ts';

/** Nobody answers inquiries here. */
async function withClusters(): Promise<TestEnvironment> {
  const environment = testEnvironment();
  for (const [name, region, stage] of [['berlin', 'europe', 'canary'], ['oslo', 'europe', 'frozen'], ['virginia', 'us', 'production']] as const) {
    await environment.client.create(Cluster, { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Cluster', metadata: { name, labels: { region, stage } }, spec: {} } as never, { fieldManager: 'test' }, environment.signal);
  }
  return environment;
}

const lines = (names: string): string => names.split(' ').filter((name) => name !== '').map((name) => `cluster.isthmus.dev/${name}\n`).join('');

describe('where no hub answers', () => {
  test.each([
    ['region=europe,stage!=frozen', 'berlin'],
    ['', 'berlin oslo virginia'],
    ['region in (us,asia)', 'virginia'],
    ['region=eu*', 'berlin oslo'],
    ['region=mars', ''],
    ['region=eu* order by stage desc', 'oslo berlin'],
    ['!frozen order by name desc limit 2', 'virginia oslo'],
  ])('%j is %j, read from the Cluster objects, and that is said', async (query, names) => {
    const environment = await withClusters();
    await queryFleet(environment, query, { output: 'name' });
    expect(environment.printed()).toBe(lines(names));
    expect(environment.complained()).toMatch(/^the hub did not answer within 10 s: .*\nreading the Cluster objects instead: .*\n\d of 3 clusters, from the Cluster objects as of 2030-01-01T12:00:10/);
    if (names !== '') expect(environment.complained()).toContain('\nhub: as old as its last write to each object\n');
    await queryFleet(environment, query, { output: 'name', quiet: true });
    expect(environment.complained().match(/did not answer/g)).toHaveLength(1);
  });

  test('what is not known is said to be unknown, and what is not there to be none', async () => {
    const environment = await withClusters();
    await queryFleet(environment, 'name=berlin', { output: 'table', quiet: true });
    expect(environment.printed()).toBe('NAME     READY       REGION   STAGE    CILIUM-VERSION   CLUSTER-ID   CURRENT   DRIFT       LAST-CHANGE\nberlin   <unknown>   europe   canary   <unknown>        <unknown>    <none>    <unknown>   <unknown>\n');
    await queryFleet(environment, 'name=nobody', { output: 'table', quiet: true });
    expect(environment.complained()).toBe('No cluster matches.\n');
  });

  test('what nobody knows is neither true nor false', async () => {
    const environment = await withClusters();
    for (const query of ['ready', '!ready', 'cilium-version<2', 'cilium-version>=2']) await queryFleet(environment, query, { output: 'name' });
    expect(environment.printed()).toBe('');
    expect(environment.complained()).toContain('3 more would match or not by what nobody has told: berlin, oslo, virginia');
  });

  test('a past moment is not made up', async () => {
    await expect(queryFleet(await withClusters(), 'x'.repeat(4097), { output: 'table' })).rejects.toThrow('the query has 4097 characters; at most 4096 are read');
    await expect(queryFleet(await withClusters(), '', { output: 'table', at: '1h' })).rejects.toThrow('the hub did not answer within 10 s; a past moment is known from its records alone, so the Cluster objects cannot stand in');
  });

  test('saved queries are asked by name', async () => {
    const environment = await withClusters();
    const saved = { apiVersion: 'isthmus.dev/v1alpha1', kind: 'FleetQuery', metadata: { name: 'europe' }, spec: { query: 'region=europe order by stage desc', description: '', columns: ['stage', 'team'] } };
    await environment.client.create(FleetQuery, saved as never, { fieldManager: 'test' }, environment.signal);
    await queryFleet(environment, '@europe', { output: 'table', quiet: true });
    await queryFleet(environment, '', { output: 'name', saved: 'europe', quiet: true });
    await queryFleet(environment, '@europe', { output: 'name', sortBy: 'stage', quiet: true });
    expect(environment.printed()).toBe(`NAME     STAGE    TEAM\noslo     frozen   <unknown>\nberlin   canary   <unknown>\n${lines('oslo berlin')}${lines('berlin oslo')}`);
    await expect(queryFleet(environment, '@eruope', { output: 'name' })).rejects.toThrow('saved query "eruope": there is none of that name; did you mean "europe"?');
  });
});

describe('formats', () => {
  const shown = async (options: Parameters<typeof queryFleet>[2], query = 'region=europe'): Promise<string> => {
    const environment = await withClusters();
    await queryFleet(environment, query, { columns: 'region,ready,team', quiet: true, ...options });
    return environment.printed();
  };
  test('csv has whole values, plain headings and what is unknown', async () => {
    expect(await shown({ output: 'csv' })).toBe('name,region,ready,team,unknown,ageSeconds\r\nberlin,europe,,,ready;team,\r\noslo,europe,,,ready;team,\r\n');
    expect(await shown({ output: 'csv', headers: false }, 'name=oslo')).toBe('oslo,europe,,,ready;team,\r\n');
  });
  test('tables leave their headings out on request', async () => {
    expect(await shown({ output: 'table', headers: false })).toBe('berlin   europe   <unknown>   <unknown>\noslo     europe   <unknown>   <unknown>\n');
  });
  test('wide tables add how old the agent\'s word is', async () => {
    expect(await shown({ output: 'wide' }, 'name=oslo')).toBe('NAME   REGION   READY       TEAM        AGE\noslo   europe   <unknown>   <unknown>   <unknown>\n');
  });
  test('json says with the rows which index was used and how fresh each source is', async () => {
    expect(JSON.parse(await shown({ output: 'json' }, 'name=oslo')) as QueryAnswer).toMatchObject({
      query: 'name=oslo', from: 'objects', matched: 1, total: 3, columns: ['region', 'ready', 'team'], usedIndex: expect.any(String),
      rows: [{ name: 'oslo', columns: { region: 'europe' }, unknown: ['ready', 'team'], ageSeconds: null }],
      sources: [{ source: 'declared', clusters: 1 }, { source: 'observed', clusters: 0, never: 1, newestAt: null }, { source: 'hub' }],
    });
  });
});

describe('what is wrong', () => {
  test.each([
    ['region=europe,=x', /expected a key .*\n {2}region=europe,=x\n {16}\^$/],
    ['regoin=europe', /no cluster has a label or property "regoin", and it is no fact; did you mean "region"\?\n {2}regoin=europe\n {2}\^$/],
    ['region=europe,redy', /did you mean "ready"\?\n {2}region=europe,redy\n {16}\^$/],
    ['ready=yes', /ready is true or false, not "yes"; did you mean "true"\?\n {2}ready=yes\n {8}\^$/],
    ['agent-version<new', /agent-version is compared with "new", which is not a version/],
  ])('the query %s is pointed at', async (query, message) => {
    const failure = queryFleet(await withClusters(), query, { output: 'name' });
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(UsageProblem);
  });
  test('a key that nobody has and that is near none is an answer, with a note', async () => {
    const environment = await withClusters();
    await queryFleet(environment, 'quarantine!=yes', { output: 'name' });
    expect(environment.printed()).toBe(lines('berlin oslo virginia'));
    expect(environment.complained()).toContain('no cluster has a label or property "quarantine"');
  });
  test.each<[Parameters<typeof queryFleet>[2], RegExp]>([
    [{ output: 'name', at: 'tomorrow' }, /^--at "tomorrow": give a time/],
    [{ output: 'name', at: '2031-01-01' }, /^--at "2031-01-01": is in the future, it is 2030-01-01T12:00:00.000Z now$/],
    [{ output: 'name', at: '1h', watch: true }, /^--at, --watch: the past does not change/],
    [{ output: 'name', saved: 'europe' }, /^--saved europe: give the name of a saved query or a query, not both$/],
    [{ output: 'name', columns: ' , ' }, /^--columns " , ": name at least one key/],
    [{ output: 'name', columns: 'region,a b' }, /^--columns: "a b" is no key/],
    [{ output: 'name', sortBy: 'redy' }, /did you mean "ready"\?\n {2}order by redy\n {11}\^$/],
  ])('%j', async (options, message) => {
    const failure = queryFleet(await withClusters(), 'region=europe', options);
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(UsageProblem);
  });
});
