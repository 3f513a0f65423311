/** The demo: start everything, walk the thread, show or verify, end everything. */
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cancelled } from '../runtime/cancel.ts';
import { type GivenApi, startFleet } from './fleet.ts';
import { seedCluster } from './clusters.ts';
import { createProcessGroup, type ProcessGroup } from './processes.ts';
import { stepsOn } from './steps/index.ts';
import { createWalk, type Step, type Walk } from './walk.ts';

interface StepResult { readonly name: string; readonly ok: boolean; readonly milliseconds: number; readonly error?: string }

export interface DemoResult {
  readonly ok: boolean;
  readonly steps: readonly StepResult[];
  /** Figures in milliseconds; several of one name where several clusters were measured. */
  readonly measurements: Readonly<Record<string, readonly number[]>>;
}

export interface DemoOptions {
  /** The `isthmus` entry that child processes run. */
  readonly entry: string;
  readonly apis?: Readonly<Record<string, GivenApi>>;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
  /** Called once everything runs and the walk is over; its promise keeps the fleet up. */
  readonly whileUp?: (walk: Walk, result: DemoResult) => Promise<void>;
  /** Called after a walk that held, before anything is stopped: for whoever measures more. */
  readonly afterWalk?: (walk: Walk) => Promise<void>;
}

/** A folder of its own below the system's temporary folder, or one clear sentence. */
function workFolder(): string {
  const parent = tmpdir();
  try {
    accessSync(parent, constants.W_OK);
    return mkdtempSync(join(parent, 'isthmus-demo-'));
  } catch (error) {
    throw new Error(`the demo needs a folder to write in and ${parent} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)}): set TMPDIR to a folder of yours`);
  }
}

async function walkSteps(walk: Walk, all: readonly Step[], results: StepResult[], say: (text: string) => void, interactive: boolean): Promise<void> {
  for (const [index, step] of all.entries()) {
    say(`\n${index + 1}. ${step.title}`);
    const start = performance.now();
    try {
      await step.run(walk);
      const milliseconds = Math.round(performance.now() - start);
      results.push({ name: step.name, ok: true, milliseconds });
      say(`   done in ${milliseconds} ms`);
      if (interactive) for (const line of step.look(walk)) say(`   look: ${line}`);
    } catch (error) {
      if (walk.signal.aborted) return;
      const text = error instanceof Error ? error.message : String(error);
      results.push({ name: step.name, ok: false, milliseconds: Math.round(performance.now() - start), error: text });
      say(`   FAILED: ${text}`);
      // Each step stands on the one before.
      break;
    }
    if (walk.signal.aborted) return;
  }
}

export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { say, signal } = options;
  const folder = workFolder();
  const processes: ProcessGroup = createProcessGroup(options.entry);
  processes.onSurprise((process, ending) => say(`   ${process.name} ended by itself: ${ending} (its log is in ${folder})`));
  const measurements: Record<string, number[]> = {};
  const steps: StepResult[] = [];
  const all = stepsOn(options.apis === undefined ? 'embedded' : 'given');
  let failed = true;
  const result = (): DemoResult => ({ ok: steps.length === all.length && steps.every((step) => step.ok), steps, measurements });
  const walkThrough = async (): Promise<void> => {
    say(`starting a hub and three clusters on 127.0.0.1 (files: ${folder})`);
    const start = performance.now();
    const fleet = await startFleet({ folder, processes, signal, ...(options.apis === undefined ? {} : { apis: options.apis }) });
    for (const cluster of fleet.clusters) await seedCluster(cluster.api, cluster, signal);
    say(`started in ${Math.round(performance.now() - start)} ms`);
    const walk = createWalk({
      fleet, entry: options.entry, signal, say: (text) => say(`   ${text}`),
      measure: (name, milliseconds) => { (measurements[name] ??= []).push(Math.round(milliseconds)); },
    });
    await walkSteps(walk, all, steps, say, options.whileUp !== undefined);
    if (result().ok) await options.afterWalk?.(walk);
    if (!signal.aborted) await options.whileUp?.(walk, result());
  };
  try {
    // Ctrl-C is obeyed at once, in whatever the walk was waiting for.
    await Promise.race([walkThrough(), cancelled(signal)]);
    failed = steps.some((step) => !step.ok);
    return result();
  } finally {
    if (signal.aborted) say('\nending everything that was started');
    await processes.stopAll();
    // Logs stay where something went wrong.
    if (!failed) rmSync(folder, { recursive: true, force: true });
    else say(`logs are in ${folder}`);
  }
}
