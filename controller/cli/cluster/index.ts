/** `isthmus cluster`: who belongs to the fleet. */
import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { registerDecisions } from './decide.ts';
import { registerList } from './list.ts';

export function register(program: Command, environment: (command: Command) => Environment): void {
  const cluster = program.command('cluster').description('who belongs to the fleet: clusters that have joined, and those that ask to');
  registerList(cluster, environment);
  registerDecisions(cluster, environment);
}
