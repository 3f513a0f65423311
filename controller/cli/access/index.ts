/** `isthmus access`: who may reach which services, and what a change of that lets through or stops. */
import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { registerList } from './list.ts';
import { registerPreview } from './preview.ts';

export function register(program: Command, environment: (command: Command) => Environment): void {
  const access = program.command('access').description('access policies: who may reach which services, and what a change of that stops');
  registerList(access, environment);
  registerPreview(access, environment);
}
