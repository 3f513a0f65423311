/** Objects in SQLite: WAL, full sync, one process at a time. The file holds Secrets: it is its owner's alone. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type ObjectStore, ObjectStoreUnavailable } from '../../embedded/store.ts';
import { ensurePrivateFile } from '../private-file.ts';

/** Throws `ObjectStoreUnavailable` where another process holds the file, or it cannot be written or read. */
export function openSqliteObjects(path: string): ObjectStore {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    ensurePrivateFile(path);
    database = new DatabaseSync(path);
    // EXCLUSIVE is taken by the first write and kept: a second process is refused, also after a crash of the first was cleaned up.
    database.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    database.exec(`
      CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS version (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL);
      BEGIN IMMEDIATE; INSERT INTO version VALUES (1, 1) ON CONFLICT DO NOTHING; COMMIT;`);
    return sqliteObjects(database, path);
  } catch (error) {
    database?.close();
    throw unavailable(path, error);
  }
}

function sqliteObjects(database: DatabaseSync, path: string): ObjectStore {
  const put = database.prepare('INSERT INTO objects VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value');
  const remove = database.prepare('DELETE FROM objects WHERE key = ?');
  const count = database.prepare('UPDATE version SET value = ? WHERE id = 1');
  return {
    load() {
      const { value } = database.prepare('SELECT value FROM version WHERE id = 1').get() as { value: number };
      const entries = database.prepare('SELECT key, value FROM objects ORDER BY key').all() as { key: string; value: string }[];
      return { resourceVersion: value, entries };
    },
    commit(resourceVersion, writes) {
      try {
        database.exec('BEGIN IMMEDIATE');
        for (const { key, value } of writes) {
          if (value === null) remove.run(key);
          else put.run(key, value);
        }
        count.run(resourceVersion);
        database.exec('COMMIT');
      } catch (error) {
        try {
          if (database.isTransaction) database.exec('ROLLBACK');
        } catch {
          // SQLite has rolled back by itself.
        }
        throw unavailable(path, error);
      }
    },
    close: () => database.close(),
  };
}

function unavailable(path: string, error: unknown): ObjectStoreUnavailable {
  const message = error instanceof Error ? error.message : String(error);
  if (/locked|busy/i.test(message)) return new ObjectStoreUnavailable('user', `${path}: another process uses this file; stop it, or give another data folder`);
  if (/full|ENOSPC/i.test(message)) return new ObjectStoreUnavailable('user', `${path}: the disk is full; nothing of the write was kept; free some space and try again`);
  if (/readonly|unable to open|EACCES|EROFS|EPERM|EISDIR/i.test(message)) return new ObjectStoreUnavailable('user', `${path}: cannot be written; check the folder's owner and mode`);
  if (/malformed|not a database/i.test(message)) return new ObjectStoreUnavailable('user', `${path}: is damaged or no object store; restore a backup or move it away to begin anew`);
  return new ObjectStoreUnavailable('retry', `${path}: ${message}`);
}
