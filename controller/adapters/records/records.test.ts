/** One suite for both stores. PostgreSQL runs where its programs are installed. */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HistoryEntry } from '../../../mesh/model/history.ts';
import { type ClusterChange, type RecordStore, RecordsUnavailable } from '../../../mesh/ports/records.ts';
import { findPostgres, startPostgres, type TestPostgres } from './testing/postgres-server.ts';
import { migrationSuite } from './testing/migration-suite.ts';
import { oldRunsSuite } from './testing/old-runs-suite.ts';
import { runsSuite } from './testing/runs-suite.ts';
import { statesSuite } from './testing/states-suite.ts';
import { openPostgresRecords, postgresDatabase } from './postgres.ts';
import { openSqliteRecords, sqliteDatabase } from './sqlite.ts';

const entry = (cluster: string, at: number): HistoryEntry => ({ cluster, at, field: 'properties.region', before: null, after: '"europe"', by: 'spiffe://test/cluster/a', run: null, reason: null, approvedBy: [] });
const change = (cluster: string, at: number): ClusterChange => ({ cluster, at, fields: { 'properties.region': '"europe"' }, entries: [entry(cluster, at)] });

function suite(open: () => Promise<RecordStore>): void {
  let store: RecordStore;
  beforeAll(async () => { store = await open(); });
  afterAll(() => store.close());

  test('history comes newest first, by cluster and bounded', async () => {
    for (const [cluster, at] of [['a', 1_700_000_000_001], ['b', 1_700_000_000_002], ['a', 1_700_000_000_003]] as const) await store.recordChange(change(cluster, at));
    expect((await store.listHistory({ cluster: 'a', limit: 10 })).map((row) => row.at)).toEqual([1_700_000_000_003, 1_700_000_000_001]);
    expect(await store.listHistory({ limit: 1 })).toEqual([entry('a', 1_700_000_000_003)]);
    expect(await store.listHistory({ cluster: 'a', field: 'current', limit: 10 })).toEqual([]);
  });

  test('a revision is stored once under its id', async () => {
    const revision = { id: 'sha256-1', cluster: 'a', content: '{}' };
    await store.putRevisions([revision, revision]);
    await store.putRevisions([{ ...revision, content: 'other' }]);
    expect(await store.getRevision('sha256-1')).toEqual(revision);
    expect(await store.getRevision('sha256-none')).toBeUndefined();
  });

  test('a bundle keeps its content, and gets the newest signatures', async () => {
    const bundle = { digest: 'sha256-1', content: '{"a":"ä"}', signatures: [], verifiedAt: 1_700_000_000_001 };
    await store.putBundle(bundle);
    await store.putBundle({ ...bundle, content: 'other', signatures: [{ keyid: 'ann', sig: 'AA==' }], verifiedAt: 1_700_000_000_002 });
    expect(await store.getBundle('sha256-1')).toEqual({ ...bundle, signatures: [{ keyid: 'ann', sig: 'AA==' }], verifiedAt: 1_700_000_000_002 });
    expect(await store.getBundle('sha256-none')).toBeUndefined();
  });

  test('reports are replaced by name', async () => {
    await store.putReport('drill/one', 'first');
    await store.putReport('drill/one', 'second');
    expect(await store.getReport('drill/one')).toBe('second');
    expect(await store.getReport('drill/none')).toBeUndefined();
    await store.check();
  });
}

describe('SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-records-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  suite(() => openSqliteRecords(join(folder, 'records.db')));
  describe('states', () => statesSuite(() => openSqliteRecords(join(folder, 'states.db'))));
  describe('runs', () => runsSuite(() => openSqliteRecords(join(folder, 'runs.db'))));
  describe('old runs', () => oldRunsSuite((name) => openSqliteRecords(join(folder, `${name}.db`))));
  migrationSuite('sqlite', () => sqliteDatabase(join(folder, 'old.db')), () => openSqliteRecords(join(folder, 'old.db')));

  test('only their owner may read the file and what SQLite puts beside it', () => {
    for (const name of readdirSync(folder).filter((one) => one.startsWith('records.db'))) expect((statSync(join(folder, name)).mode & 0o777).toString(8), name).toBe('600');
  });

  test('a second opener is refused with a sentence', async () => {
    const error = await openSqliteRecords(join(folder, 'records.db')).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RecordsUnavailable);
    expect(error).toMatchObject({ advice: 'user', message: expect.stringContaining('another hub has this file open') });
  });

  test('what was written is there after reopening', async () => {
    const path = join(folder, 'again.db');
    const one = await openSqliteRecords(path);
    await one.recordChange(change('a', 1));
    await one.close();
    const two = await openSqliteRecords(path);
    expect(await two.listHistory({ limit: 5 })).toEqual([entry('a', 1)]);
    await two.close();
  });

  test('a full disk is told apart, keeps nothing of the write and harms nothing before it', async () => {
    const store = await openSqliteRecords(join(folder, 'full.db'), { mostPages: 60 });
    await store.recordChange(change('kept', 1));
    const large = { ...change('large', 2), fields: { nodes: 'x'.repeat(300_000) } };
    const error = await store.recordChange(large).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'RecordsUnavailable', advice: 'retry', message: expect.stringContaining('disk is full') });
    expect(await store.listHistory({ limit: 5 })).toEqual([entry('kept', 1)]);
    await store.close();
  });

  test('a file that is no database and a folder that is not there are refused', async () => {
    writeFileSync(join(folder, 'noise.db'), 'this is no database, only some text that is long enough to be read as a header of one'.repeat(20));
    await expect(openSqliteRecords(join(folder, 'noise.db'))).rejects.toThrow('no intact SQLite database');
    await expect(openSqliteRecords(join(folder, 'none', 'records.db'))).rejects.toThrow('cannot be opened');
  });
});

const programs = findPostgres();
describe.skipIf(programs === undefined)(`PostgreSQL${programs === undefined ? ' (skipped: initdb and postgres are not on PATH)' : ''}`, () => {
  let server: TestPostgres;
  beforeAll(async () => { server = await startPostgres(programs!); }, 60_000);
  afterAll(() => server.stop());
  suite(() => openPostgresRecords(server.url));
  describe('states', () => statesSuite(() => server.makeDatabase('states').then(openPostgresRecords)));
  describe('runs', () => runsSuite(() => server.makeDatabase('runs').then(openPostgresRecords)));
  describe('old runs', () => oldRunsSuite((name) => server.makeDatabase(name).then(openPostgresRecords)));
  let old: string;
  beforeAll(async () => { old = await server.makeDatabase('old'); });
  migrationSuite('postgres', () => postgresDatabase(old), () => openPostgresRecords(old));

  test('an unreachable server says so and shows no password', async () => {
    const error = await openPostgresRecords('postgres://isthmus:hunter2@127.0.0.1:1/isthmus').catch((e: unknown) => e) as Error;
    expect(error).toMatchObject({ name: 'RecordsUnavailable', advice: 'retry' });
    expect(error.message).not.toContain('hunter2');
  });
});
