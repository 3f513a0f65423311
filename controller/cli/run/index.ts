import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { registerApprove } from './approve.ts';
import { registerChange } from './change.ts';
import { registerStatus } from './status.ts';

export function register(program: Command, environment: (command: Command) => Environment): void {
  const run = program.command('run').description('staged updates: status, stop, undo');
  registerStatus(run, environment);
  registerChange(run, environment);
  registerApprove(run, environment);
}
