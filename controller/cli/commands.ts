/** What commands there are, and where each lives: loaded only when it is used. */
import { Command } from 'commander';
import type { Environment } from './environment.ts';

export type Register = (program: Command, environment: (command: Command) => Environment) => void;

/** Name, what `--help` says, and where it lives. Order is the order of `--help`. All but `completion`, which has to know them. */
export const COMMANDS: readonly (readonly [name: string, summary: string, load: () => Promise<{ register: Register }>])[] = [
  ['demo', 'three clusters and a hub on this machine, and a walk through all of it', () => import('./demo/index.ts')],
  ['join', 'make a one-use token for a cluster and print its helm command', () => import('./join/index.ts')],
  ['cluster', 'who belongs to the fleet: list, accept, reject', () => import('./cluster/index.ts')],
  ['identity', 'certificates of hub, agents and mesh: the root, the authority, and their rotation', () => import('./identity/index.ts')],
  ['fleet', 'the inventory: what clusters there are, and what changed in them', () => import('./fleet/index.ts')],
  ['mesh', 'meshes: who is peered with whom, and what that changes', () => import('./mesh/mesh.ts')],
  ['doctor', 'what is wrong between clusters: each finding as a sentence, what was seen, and the way out', () => import('./doctor/index.ts')],
  ['run', 'staged updates: simulate, create, follow, approve, pause, stop, take back', () => import('./run/index.ts')],
  ['window', 'change windows: when changes may begin on which clusters', () => import('./window/index.ts')],
  ['bundle', 'bundles: versioned content that runs bring to clusters', () => import('./bundle/index.ts')],
  ['access', 'access policies: who may reach which services, and what a change of that stops', () => import('./access/index.ts')],
  ['dns', 'what the agents\' DNS answers, and why', () => import('./dns/index.ts')],
  ['drill', 'failover drills: leave a cluster on purpose, measure, restore, report', () => import('./drill/index.ts')],
  ['drift', 'changes made by others to what Isthmus manages', () => import('./drift/index.ts')],
  ['hub', 'run the control plane', () => import('./hub/index.ts')],
  ['agent', 'run a cluster\'s agent', () => import('./agent/index.ts')],
  ['embedded', 'run an embedded Kubernetes-style API, standing in for a cluster\'s own', () => import('./embedded/index.ts')],
];

/** With the options that all commands share, and no command yet. */
export const newProgram = (): Command => new Command('isthmus')
  .description('Turns independent Kubernetes clusters into one governed network.')
  .option('--kubeconfig <path>', 'kubeconfig of the hub\'s Kubernetes API (default: $KUBECONFIG, then ~/.kube/config)')
  .option('--context <name>', 'context in the kubeconfig');

export const COMPLETION_SUMMARY = 'a script by which a shell completes what is typed: source <(isthmus completion bash)';
