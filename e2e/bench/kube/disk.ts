/** What one synced write of 4 KiB takes on the disk that servers' data lies on. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quantile } from './figures.ts';

/** Median, in milliseconds. */
export function measureSync(writes: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-bench-'));
  const file = openSync(join(folder, 'synced'), 'w');
  const block = Buffer.alloc(4096, 'x');
  const times: number[] = [];
  for (let index = 0; index < writes; index += 1) {
    const start = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    times.push(performance.now() - start);
  }
  closeSync(file);
  rmSync(folder, { recursive: true, force: true });
  return quantile(times, 0.5);
}
