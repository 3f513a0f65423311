/** `isthmus identity`: who may speak for whom in the fleet: the root, certificates, and their rotation. */
import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { registerRevoke } from './revoke.ts';
import { registerRoot } from './root.ts';
import { registerRotate } from './rotate.ts';
import { registerShow } from './show.ts';

export function register(program: Command, environment: (command: Command) => Environment): void {
  const identity = program.command('identity').description('certificates of hub, agents and mesh: the root, the authority, and their rotation');
  registerShow(identity, environment);
  registerRotate(identity, environment);
  registerRoot(identity, environment);
  registerRevoke(identity, environment);
}
