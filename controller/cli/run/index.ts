/** `isthmus run`: staged updates. */
import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { registerApprove } from './approve.ts';
import { registerChange } from './change.ts';
import { registerCreate } from './create.ts';
import { registerDiff } from './diff.ts';
import { registerList } from './list.ts';
import { registerSimulate } from './simulate.ts';
import { registerStatus } from './status.ts';

export function register(program: Command, environment: (command: Command) => Environment): void {
  const run = program.command('run').description('staged updates: simulate, create, follow, approve, pause, stop, take back');
  registerSimulate(run, environment);
  registerDiff(run, environment);
  registerCreate(run, environment);
  registerList(run, environment);
  registerStatus(run, environment);
  registerApprove(run, environment);
  registerChange(run, environment);
}
