/** SIGKILL of a hub in the middle of many changes, round after round: its history misses nothing that was ever shown, tells nothing twice, and leads to the state that is shown. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openSqliteRecords, sqliteDatabase } from '../../controller/adapters/records/sqlite.ts';
import { seededRandom } from '../../controller/runtime/testing/fakes.ts';
import { replay } from '../../mesh/inventory/replay.ts';
import type { ClusterFields } from '../../mesh/model/cluster-fields.ts';

const SEED = Number(process.env['KILL_SEED'] ?? 11);
const ROUNDS = 5;
const LONGEST_LIFE_MILLISECONDS = 500;

interface Life {
  readonly child: ChildProcess;
  readonly lines: readonly string[];
  ready(): Promise<void>;
  ended(): Promise<void>;
}

function live(folder: string, round: number, quiet: boolean): Life {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'history-process.ts'), folder, String(round), ...quiet ? ['quiet'] : []], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout! });
  reader.on('line', (line) => { lines.push(line); });
  const exit = once(child, 'exit');
  const closed = once(reader, 'close');
  return {
    child, lines,
    async ready() {
      while (!lines.includes('ready')) {
        if (child.exitCode !== null) throw new Error('the hub ended by itself');
        await sleep(5);
      }
    },
    ended: async () => { await Promise.all([exit, closed]); },
  };
}

test('a hub killed again and again has the whole history of what it showed', { timeout: 180_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-history-'));
  const { uniform } = seededRandom(SEED);
  const lives: Life[] = [];
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const life = live(folder, round, false);
      lives.push(life);
      await life.ready();
      await sleep(20 + uniform() * LONGEST_LIFE_MILLISECONDS);
      life.child.kill('SIGKILL');
      await life.ended();
    }
    const last = live(folder, ROUNDS, true);
    lives.push(last);
    await last.ended();
    expect(last.child.exitCode).toBe(0);

    const shown = lives.flatMap(({ lines }) => lines).filter((line) => line.includes(' properties.turn '));
    const database = sqliteDatabase(join(folder, 'records.sqlite'));
    const rows = await database.selectFrom('history').selectAll().orderBy('id').execute();
    await database.destroy();
    const told = new Map<string, number>();
    const ended = new Map<string, string | null>();
    for (const { cluster, field, before, after } of rows) {
      // Each row begins where the one before it ended: nothing is missing between them, and nothing is there twice.
      expect(before, `${cluster} ${field} ${after}`).toBe(ended.get(`${cluster} ${field}`) ?? null);
      expect(after).not.toBe(before);
      ended.set(`${cluster} ${field}`, after);
      if (field === 'properties.turn' && after !== null) {
        const { value } = JSON.parse(after) as { readonly value: string };
        told.set(`${cluster} ${field} ${value}`, (told.get(`${cluster} ${field} ${value}`) ?? 0) + 1);
      }
    }
    expect(shown.filter((line) => told.get(line) !== 1)).toEqual([]);
    // Kills that met no change would prove nothing.
    expect(told.size).toBeGreaterThan(ROUNDS);

    const records = await openSqliteRecords(join(folder, 'records.sqlite'));
    const states = await records.listStates();
    const past = await records.statesAt(Date.now());
    await records.close();
    const objects = last.lines.filter((line) => line.includes(' all '));
    expect(objects).toHaveLength(states.size);
    for (const line of objects) {
      const [name = ''] = line.split(' ', 1);
      const fields = JSON.parse(line.slice(name.length + ' all '.length)) as ClusterFields;
      expect(states.get(name)).toEqual(fields);
      expect(past.get(name)).toEqual(fields);
      expect(replay({}, rows.filter(({ cluster }) => cluster === name))).toEqual(fields);
    }
  } finally {
    for (const { child } of lives) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
});
