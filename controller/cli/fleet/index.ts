import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { registerClone } from './clone.ts';
import { registerDiff } from './diff.ts';
import { registerDiscovered } from './discovered.ts';
import { registerFind } from './find.ts';
import { registerHistory } from './history.ts';
import { registerQuery } from './query.ts';
import { registerReport } from './report.ts';

export function register(program: Command, environment: (command: Command) => Environment): void {
  const fleet = program.command('fleet').description('the inventory: what clusters there are, and what changed in them');
  registerQuery(fleet, environment);
  registerHistory(fleet, environment);
  registerDiff(fleet, environment);
  registerClone(fleet, environment);
  registerDiscovered(fleet, environment);
  registerReport(fleet, environment);
  registerFind(fleet, environment);
}
