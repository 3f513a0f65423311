/** `isthmus mesh`: clusters that Cilium Cluster Mesh peers with each other. */
import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { registerAdopt } from './adopt.ts';
import { registerGet } from './get.ts';
import { registerPlan } from './plan.ts';
import { registerReleaseId } from './release-id.ts';
import { registerRender } from './render.ts';
import { registerValues } from './values.ts';
import { registerVerify } from './verify.ts';

export function register(program: Command, environment: (command: Command) => Environment): void {
  const mesh = program.command('mesh').description('meshes: who is peered with whom, and what that changes');
  registerGet(mesh, environment);
  registerPlan(mesh, environment);
  registerReleaseId(mesh, environment);
  registerRender(mesh, environment);
  registerValues(mesh, environment);
  registerVerify(mesh, environment);
  registerAdopt(mesh, environment);
}
