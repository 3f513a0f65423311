/** The agent's last known state as one file: written beside, synced, renamed over. */
import { open, readFile, rename, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Log } from '../../mesh/ports/log.ts';
import type { SnapshotStore } from '../../mesh/ports/snapshot.ts';

const LARGEST_BYTES = 64 * 1024 * 1024;

export function fileSnapshots(path: string, log: Log): SnapshotStore {
  return {
    async load() {
      try {
        return await readFile(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log.warn({ path, error }, 'the last known state cannot be read; starting without it');
        return undefined;
      }
    },
    async save(content) {
      if (Buffer.byteLength(content) > LARGEST_BYTES) throw new Error(`snapshot ${path}: ${Buffer.byteLength(content)} bytes is more than the bound of ${LARGEST_BYTES}`);
      await mkdir(dirname(path), { recursive: true });
      // Two processes that were given one folder by mistake must not write into each other's half.
      const beside = `${path}.${process.pid}.new`;
      const file = await open(beside, 'w', 0o600);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, path);
    },
  };
}
