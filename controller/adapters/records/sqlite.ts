/** Records in one SQLite file (`node:sqlite`), for a hub without PostgreSQL. WAL and full sync: a write that resolved survives SIGKILL and power loss. */
import { DatabaseSync } from 'node:sqlite';
import { Kysely, SqliteDialect, type SqliteDatabase } from 'kysely';
import { type RecordStore, RecordsUnavailable } from '../../../mesh/ports/records.ts';
import { ensurePrivateFile } from '../private-file.ts';
import { migrate } from './migrations/index.ts';
import { recordStore } from './store.ts';
import type { Tables } from './tables.ts';

/** Holds the indexes through which a past moment is found. */
const CACHE_KIBIBYTES = 32_768;

const NOTHING = { reader: false, all: () => [], run: () => ({ changes: 0, lastInsertRowid: 0 }), iterate: () => [][Symbol.iterator]() };

/** Kysely expects better-sqlite3's face. */
function asKyselyDatabase(database: DatabaseSync): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare(text) {
      // SQLite ends the transaction itself on a full disk; Kysely's rollback would then fail and hide the cause.
      if (text === 'rollback' && !database.isTransaction) return NOTHING;
      const statement = database.prepare(text);
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...(parameters as never[])),
        run: (parameters) => statement.run(...(parameters as never[])),
        iterate: (parameters) => statement.iterate(...(parameters as never[])) as IterableIterator<unknown>,
      };
    },
  };
}

/** SQLite result codes (sqlite.org/rescode.html), without the extended part. */
const BUSY = 5, READ_ONLY = 8, IO_ERROR = 10, CORRUPT = 11, FULL = 13, CANNOT_OPEN = 14, NOT_A_DATABASE = 26;

const readOnly = (path: string): RecordsUnavailable => new RecordsUnavailable('user', `records ${path}: cannot be written; check the owner and mode of the file and its folder`);
const full = (path: string): RecordsUnavailable => new RecordsUnavailable('retry', `records ${path}: the disk is full, nothing of this write was kept; free some space`);
const cannotOpen = (path: string): RecordsUnavailable => new RecordsUnavailable('user', `records ${path}: cannot be opened; check that the folder exists and can be written`);

function unavailable(path: string, error: unknown): RecordsUnavailable | undefined {
  const { errcode: extended, code } = error as { readonly errcode?: unknown; readonly code?: unknown };
  if (code === 'ENOSPC') return full(path);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return readOnly(path);
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return cannotOpen(path);
  if (typeof extended !== 'number') return undefined;
  switch (extended & 0xff) {
    case BUSY: return new RecordsUnavailable('user', `records ${path}: another hub has this file open; stop it, or give this one a data folder of its own`);
    case READ_ONLY: return readOnly(path);
    case FULL: return full(path);
    case IO_ERROR: return new RecordsUnavailable('retry', `records ${path}: the disk failed a read or write, nothing of this write was kept`);
    case CANNOT_OPEN: return cannotOpen(path);
    case CORRUPT: case NOT_A_DATABASE: return new RecordsUnavailable('user', `records ${path}: is no intact SQLite database; restore it from a backup or move it away to begin anew`);
    default: return undefined;
  }
}

interface SqliteOptions {
  /** Bounds the file (4096-byte pages); beyond it writes fail as on a full disk. */
  readonly mostPages?: number;
}

/** As it is: without this program's tables, or with those of an earlier one. */
export function sqliteDatabase(path: string, options: SqliteOptions = {}): Kysely<Tables> {
  let database: DatabaseSync;
  try {
    if (path !== ':memory:') ensurePrivateFile(path);
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec('pragma locking_mode = exclusive; pragma journal_mode = wal; pragma synchronous = full; begin immediate; commit');
    database.exec(`pragma cache_size = -${CACHE_KIBIBYTES}`);
    if (options.mostPages !== undefined) database.exec(`pragma max_page_count = ${Math.trunc(options.mostPages)}`);
  } catch (error) {
    throw unavailable(path, error) ?? error;
  }
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: asKyselyDatabase(database) }) });
}

/** `:memory:` keeps nothing. */
export async function openSqliteRecords(path: string, options: SqliteOptions = {}): Promise<RecordStore> {
  const db = sqliteDatabase(path, options);
  try {
    await migrate(db, 'sqlite');
  } catch (error) {
    await db.destroy();
    throw unavailable(path, error) ?? error;
  }
  return recordStore(db, 'sqlite', (error) => unavailable(path, error));
}
