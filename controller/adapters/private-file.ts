/** Files that hold keys or what only their owner may read. */
import { chmodSync, closeSync, openSync } from 'node:fs';

/** Makes the file where it is missing, readable and writable by its owner alone (whatever the umask), and takes rights of others away from one that is there. */
export function ensurePrivateFile(path: string): void {
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
}
