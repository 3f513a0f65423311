/** Prints the digest of a scenario's trace under faults, for comparing processes: `node print-digest.ts SCENARIO SEED`; with a third word the trace itself. */
import { readFileSync } from 'node:fs';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { FAULTY } from './faults.ts';
import { runScenario } from './scenario.ts';

const [scenario = '', seed, whole] = process.argv.slice(2);
const { trace } = await runScenario(readFileSync(new URL(`scenarios/${scenario}`, import.meta.url), 'utf8'), { seed: Number(seed), ...FAULTY });
const text = trace.join('\n');
process.stdout.write(`${whole === undefined ? sha256Hex(text) : text}\n`);
