/** Records in PostgreSQL, for a hub in production. */
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { type RecordStore, RecordsUnavailable } from '../../../mesh/ports/records.ts';
import { migrate } from './migrations/index.ts';
import { recordStore } from './store.ts';
import type { Tables } from './tables.ts';

const INT8 = 20;
const MOST_CONNECTIONS = 8;
const CONNECT_TIMEOUT_MILLISECONDS = 10_000;

/** SQLSTATE classes (PostgreSQL manual, appendix A) that mean "not now" or "not so". */
function unavailable(error: unknown): RecordsUnavailable | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string') return undefined;
  if (code.startsWith('08') || code.startsWith('57P') || ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE'].includes(code)) {
    return new RecordsUnavailable('retry', `records in PostgreSQL: the server cannot be reached (${code})`);
  }
  if (code.startsWith('53')) return new RecordsUnavailable('retry', `records in PostgreSQL: the server is out of disk, memory or connections (${code}); nothing of this write was kept`);
  if (code.startsWith('28') || code === '3D000' || code === '42501') return new RecordsUnavailable('user', `records in PostgreSQL: refused (${code}); check user, password, database name and rights`);
  return undefined;
}

/** As it is: without this program's tables, or with those of an earlier one. */
export function postgresDatabase(url: string): Kysely<Tables> {
  const pool = new pg.Pool({
    connectionString: url,
    max: MOST_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MILLISECONDS,
    types: { getTypeParser: ((oid: number, format?: 'text' | 'binary') => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'))) as typeof pg.types.getTypeParser },
  });
  // A broken idle connection is replaced at the next query; without a listener it would end the process.
  pool.on('error', () => undefined);
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

/** `postgres://user:password@host:port/database`. The URL holds a password: it never appears in errors. */
export async function openPostgresRecords(url: string): Promise<RecordStore> {
  const db = postgresDatabase(url);
  try {
    await migrate(db, 'postgres');
  } catch (error) {
    await db.destroy();
    throw unavailable(error) ?? error;
  }
  return recordStore(db, 'postgres', unavailable);
}
