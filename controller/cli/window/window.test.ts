import { describe, expect, test } from 'vitest';
import type { ClusterObject } from '../../../mesh/api/resources/cluster.ts';
import { apiVersionOf, ChangeWindow, Cluster, type ResourceDefinition, UpdateRun, WindowOverride } from '../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import type { WindowOverrideObject } from '../../../mesh/api/resources/windows.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { explainWindows, type ExplainOptions } from './explain.ts';
import { listWindows } from './list.ts';
import { overrideWindows, type OverrideOptions } from './override.ts';

/** It is Tuesday, 2030-01-01T12:00:00Z. */
const NIGHTS = { clusters: { labels: { region: 'eu' } }, kind: 'Allow', cron: '0 22 * * *', durationSeconds: 21_600, timeZone: 'Europe/Berlin', reason: 'few customers' };
const FREEZE = { clusters: {}, kind: 'Deny', period: { from: '2029-12-20T00:00:00Z', to: '2030-01-02T00:00:00Z' }, reason: 'year end' };
const PAYMENTS = { clusters: { exclude_labels: { tier: 'test' } }, kind: 'Deny', rrule: 'FREQ=MONTHLY;BYMONTHDAY=-1', start: '2027-01-31T00:00:00', durationSeconds: 86_400, packages: ['payment-*'] };
const WRONG = { clusters: { names: ['denver', 'austin'] }, kind: 'Allow', cron: '0 25 * * *', durationSeconds: 3600 };
const NEVER = { clusters: { names: ['nowhere'] }, kind: 'Allow', cron: '0 0 30 2 *', durationSeconds: 3600 };

async function make(environment: TestEnvironment, kind: ResourceDefinition, name: string, spec: object, labels: Record<string, string> = {}): Promise<void> {
  await environment.client.create(kind, { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name, labels }, spec } as ClusterObject, { fieldManager: 'test' }, environment.signal);
}

async function fleet(windows: Readonly<Record<string, object>> = { freeze: FREEZE, never: NEVER, nights: NIGHTS, payments: PAYMENTS, wrong: WRONG }): Promise<TestEnvironment> {
  const environment = testEnvironment();
  await make(environment, Cluster, 'berlin', {}, { region: 'eu' });
  await make(environment, Cluster, 'denver', {}, { region: 'us', tier: 'test' });
  for (const [name, spec] of Object.entries(windows)) await make(environment, ChangeWindow, name, spec);
  await make(environment, UpdateRun, 'one', { strategy: { name: 'default', stages: [{ name: 'all', clusters: {} }] }, removePackage: { name: 'payment-api', clusters: {}, all: true }, reason: 'a test', requestedBy: 'test' });
  return environment;
}
const lines = (environment: TestEnvironment): string[] => environment.printed().split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '));
const explain = async (environment: TestEnvironment, over: Partial<ExplainOptions> = {}): Promise<string[]> => {
  await explainWindows(environment, { cluster: 'berlin', at: undefined, run: undefined, format: 'table', ...over });
  return lines(environment);
};

describe('list', () => {
  test('shows which are open and what comes next, and says of wrong ones what is wrong', async () => {
    const environment = await fleet();
    await listWindows(environment, 'table');
    expect(lines(environment)).toEqual([
      'NAME  KIND  STATE  NEXT  CLUSTERS  REASON',
      'freeze  Deny  open  closes 2030-01-02T00:00:00Z (in 12h)  all  year end',
      'never  Allow  never opens  nowhere',
      'nights  Allow  closed  opens 2030-01-01T21:00:00Z (in 9h0m)  region=eu  few customers',
      'payments  Deny  closed  opens 2030-01-31T00:00:00Z (in 29d)  !tier=test',
      'wrong  Allow  invalid  denver|austin  spec.cron, column 3: hour: "25" is none; give 0 to 23',
      '',
    ]);
  });

  test('wide tells the runs that a window is about and how it was written; names and objects as everywhere', async () => {
    const [wide, names, json] = [await fleet({ payments: PAYMENTS }), await fleet({ payments: PAYMENTS }), await fleet({ payments: PAYMENTS })];
    await listWindows(wide, 'wide');
    expect(lines(wide)[1]).toBe('payments  Deny  closed  opens 2030-01-31T00:00:00Z (in 29d)  !tier=test  packages payment-*  FREQ=MONTHLY;BYMONTHDAY=-1 from 2027-01-31T00:00:00 for 86400 s, UTC');
    await listWindows(names, 'name');
    expect(names.printed()).toBe('changewindow.isthmus.dev/payments\n');
    await listWindows(json, 'json');
    expect(JSON.parse(json.printed())).toMatchObject([{ kind: 'ChangeWindow', metadata: { name: 'payments' } }]);
  });

  test('where there is none says what that means', async () => {
    const environment = testEnvironment();
    await listWindows(environment, 'table');
    expect([environment.printed(), environment.complained()]).toEqual(['', 'There is no change window: changes may begin at any time. A ChangeWindow object makes one.\n']);
  });
});

describe('explain', () => {
  test('says why a cluster is closed, when it opens, and the part of each window', async () => {
    expect(await explain(await fleet())).toEqual([
      'berlin is closed: ChangeWindow freeze (year end) denies changes now',
      'opens: 2030-01-02T00:00:00Z (in 12h)',
      '',
      'WINDOW  KIND  STATE  NEXT  PART',
      'freeze  Deny  open  closes 2030-01-02T00:00:00Z (in 12h)  closes it',
      'never  Allow  never opens  not about it: nowhere',
      'nights  Allow  closed  opens 2030-01-01T21:00:00Z (in 9h0m)  would allow, but is closed',
      'payments  Deny  closed  opens 2030-01-31T00:00:00Z (in 29d)  about runs of packages payment-* alone',
      'wrong  Allow  invalid  not about it: denver|austin',
      '',
    ]);
  });

  test('of another time', async () => {
    expect((await explain(await fleet(), { at: Date.UTC(2030, 0, 3, 22) })).slice(0, 2)).toEqual(['berlin is open at 2030-01-03T22:00:00Z: within ChangeWindow nights (few customers)', 'closes: 2030-01-04T03:00:00Z (in 5h0m)']);
    expect((await explain(await fleet(), { at: Date.UTC(2030, 0, 3, 12) })).slice(0, 2)).toEqual(['berlin is closed at 2030-01-03T12:00:00Z: outside ChangeWindow nights (few customers)', 'opens: 2030-01-03T21:00:00Z (in 9h0m)']);
  });

  test('for a run: with the windows about its package, and what people have overridden', async () => {
    const at = Date.UTC(2030, 0, 5, 12);
    const windows = { payments: { ...PAYMENTS, rrule: 'FREQ=MONTHLY;BYMONTHDAY=5', start: '2027-01-05T00:00:00' } };
    expect((await explain(await fleet(windows), { at, run: 'one' }))[0]).toBe('berlin is closed at 2030-01-05T12:00:00Z: ChangeWindow payments denies changes now');
    const environment = await fleet(windows);
    await make(environment, WindowOverride, 'leak', { run: 'one', reason: 'keys have leaked', requestedBy: 'ann', expiresAt: '2030-01-05T14:00:00Z' });
    expect(await explain(environment, { at, run: 'one' })).toEqual([
      'berlin is open at 2030-01-05T12:00:00Z: ChangeWindow payments denies changes now, overridden by WindowOverride leak',
      'overridden by ann: keys have leaked',
      'closes: 2030-01-05T14:00:00Z (in 2h0m)',
      '',
      'WINDOW  KIND  STATE  NEXT  PART',
      'payments  Deny  open  closes 2030-01-06T00:00:00Z (in 12h)  closes it',
      '',
    ]);
    const forAny = await fleet(windows);
    await make(forAny, WindowOverride, 'leak', { run: 'one', reason: 'keys have leaked', requestedBy: 'ann', expiresAt: '2030-01-05T14:00:00Z' });
    expect((await explain(forAny, { at })).slice(0, 2)).toEqual(['berlin is open at 2030-01-05T12:00:00Z: no ChangeWindow restricts it', 'run one may pass until 2030-01-05T14:00:00Z: WindowOverride leak by ann: keys have leaked']);
  });

  test('a cluster with a window that cannot be read is closed, and one without any window open', async () => {
    expect((await explain(await fleet({ wrong: WRONG }), { cluster: 'denver' })).slice(0, 2)).toEqual(['denver is closed: ChangeWindow wrong cannot be read (spec.cron, column 3: hour: "25" is none; give 0 to 23): repair or delete ChangeWindow wrong', 'opens: never within 400 days, as windows are now']);
    expect(await explain(await fleet({}))).toEqual(['berlin is open: no ChangeWindow restricts it', '']);
  });

  test('as JSON', async () => {
    const environment = await fleet({ freeze: FREEZE });
    await explain(environment, { format: 'json' });
    expect(JSON.parse(environment.printed())).toEqual({
      cluster: 'berlin', at: '2030-01-01T12:00:00.000Z', open: false, reason: 'ChangeWindow freeze (year end) denies changes now', opensAt: '2030-01-02T00:00:00.000Z', closesAt: null, overrides: [],
      windows: [{ name: 'freeze', kind: 'Deny', state: 'open', opensAt: null, closesAt: '2030-01-02T00:00:00.000Z', about: true, part: 'closes it' }],
    });
  });

  test('as names those that are about it, as CSV all', async () => {
    const [names, rows] = [await fleet(), await fleet({ freeze: FREEZE })];
    await explain(names, { format: 'name' });
    expect(names.printed()).toBe('changewindow.isthmus.dev/freeze\nchangewindow.isthmus.dev/nights\n');
    await explain(rows, { format: 'csv' });
    expect(rows.printed()).toBe('window,kind,state,opensAt,closesAt,part\r\nfreeze,Deny,open,,2030-01-02T00:00:00.000Z,closes it\r\n');
  });

  test('names what was probably meant', async () => {
    await expect(explain(await fleet({}), { cluster: 'berlim' })).rejects.toThrow('there is no cluster "berlim"; did you mean berlin?');
    await expect(explain(await fleet({}), { run: 'two' })).rejects.toThrow('there is no run "two"');
  });
});

function knownAs(environment: TestEnvironment, name: () => string): TestEnvironment {
  const { client } = environment;
  const create = ((kind, object, ...rest) => (kind.kind === 'SelfSubjectReview' ? Promise.resolve().then(() => ({ ...object, status: { userInfo: { username: name() } } })) : client.create(kind, object, ...rest))) as typeof client.create;
  return { ...environment, connect: () => Promise.resolve({ ...client, create }) };
}

describe('override', () => {
  const options = (over: Partial<OverrideOptions> = {}): OverrideOptions => ({ run: 'one', reason: 'keys have leaked', for: '2h', clusters: undefined, dryRun: false, ...over });
  const made = async ({ client, signal }: TestEnvironment) => (await client.list<WindowOverrideObject>(WindowOverride, {}, signal)).items.map(({ spec }) => spec);

  test('makes an object with who, as the API server knows them, why and until when', async () => {
    const environment = knownAs(await fleet({}), () => 'ann@example.com');
    await overrideWindows(environment, options({ clusters: 'berlin,oslo-*' }));
    expect(await made(environment)).toEqual([{ run: 'one', reason: 'keys have leaked', requestedBy: 'ann@example.com', expiresAt: '2030-01-01T14:00:00.000Z', clusters: { names: ['berlin', 'oslo-*'] } }]);
    expect(environment.printed()).toMatch(/^windowoverride\.isthmus\.dev\/one-\w+ created\nrun one passes closed windows on berlin\|oslo-\* until 2030-01-01T14:00:00Z; "kubectl delete windowoverride one-\w+" ends that sooner\n$/);
  });

  test('a server that does not say who somebody is has the name that this process runs under', async () => {
    const environment = knownAs(await fleet({}), () => { throw new KubernetesError(403, 'Forbidden', 'no'); });
    await overrideWindows(environment, options());
    expect((await made(environment))[0]?.requestedBy).toBe('ada');
  });

  test('takes labels as well, and nothing is made with --dry-run', async () => {
    const environment = await fleet({});
    await overrideWindows(environment, options({ clusters: 'region=eu,tier=gold', dryRun: true }));
    expect(environment.printed()).toContain('created (dry run)\nrun one passes closed windows on region=eu,tier=gold until');
    expect(await made(environment)).toEqual([]);
  });

  test.each([
    [{ reason: ' ' }, '--reason'],
    [{ for: '8d' }, '--for "8d": give a time of up to 7 days'],
    [{ for: 'tomorrow' }, '--for "tomorrow"'],
    [{ clusters: 'berlin,region=eu' }, 'names (berlin,oslo-*) or labels (region=eu,tier=gold), not both'],
    [{ clusters: 'berlin,' }, 'a name is missing'],
    [{ run: 'two' }, 'there is no run "two"'],
  ])('refuses %j', async (over, words) => {
    const environment = await fleet({});
    await expect(overrideWindows(environment, options(over))).rejects.toThrow(words);
    expect(await made(environment)).toEqual([]);
  });

  test('a run that has ended needs none', async () => {
    const environment = await fleet({});
    const { client, signal } = environment;
    const run = await client.get<UpdateRunObject>(UpdateRun, { name: 'one' }, signal);
    await client.update(UpdateRun, { ...run!, status: { phase: 'Stopped', message: '', counts: { total: 0, done: 0, inFlight: 0, failed: 0, skipped: 0 } } } as UpdateRunObject, { fieldManager: 'test', subresource: 'status' }, signal);
    await expect(overrideWindows(environment, options())).rejects.toThrow('run one has ended (Stopped)');
  });
});
