/** `isthmus demo`. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CommandFailure, type Environment } from '../environment.ts';
import { demoVariables, type Walk } from '../../demo/walk.ts';

function summary(walk: Walk): string {
  const { hub, clusters } = walk.fleet;
  return [
    '', 'Everything is up. Ctrl-C ends it all.', '',
    `  hub       kubeconfig ${hub.kubeconfig}   metrics http://${hub.healthAddress}/metrics`,
    ...clusters.map((cluster) => `  ${cluster.name.padEnd(9)} kubeconfig ${cluster.kubeconfig}   DNS ${cluster.dnsAddress}   metrics http://${cluster.healthAddress}/metrics`),
    '', `  export ${Object.entries(demoVariables(walk)).map(([name, value]) => `${name}=${value}`).join(' ')}`,
    '', 'Five things to try:',
    `  npm run isthmus -- --kubeconfig ${hub.kubeconfig} fleet query 'region=europe,stage!=frozen'`,
    `  npm run isthmus -- --kubeconfig ${hub.kubeconfig} dns explain checkout.global.example.com --from virginia`,
    `  npm run isthmus -- --kubeconfig ${hub.kubeconfig} drill run shop/checkout --evacuate berlin`,
    `  kubectl --kubeconfig ${walk.cluster('berlin').kubeconfig} -n shop get serviceimports,services,endpointslices`,
    `  kubectl --kubeconfig ${hub.kubeconfig} get clusters,meshes,updateruns`,
    '',
  ].join('\n');
}

export function register(program: Command, environment: (command: Command) => Environment): void {
  program.command('demo')
    .description('start a hub and three clusters on this machine, walk through everything, and stay up')
    .option('--exit', 'verify every step, print one line of JSON and end', false)
    .action(async (options: { exit: boolean }, command: Command) => {
      const here = environment(command);
      const { runDemo } = await import('../../demo/demo.ts');
      const result = await runDemo({
        entry: resolve(import.meta.dirname, '../main.ts'),
        signal: here.signal,
        say: (text) => here.err(`${text}\n`),
        ...(options.exit ? {} : {
          whileUp: async (walk: Walk) => {
            here.out(summary(walk));
            await new Promise<void>((done) => { here.signal.addEventListener('abort', () => done(), { once: true }); });
          },
        }),
      });
      if (options.exit) here.out(`${JSON.stringify({ ok: result.ok, steps: result.steps, measurements: result.measurements })}\n`);
      if (!result.ok && !(here.signal.aborted && !options.exit)) throw new CommandFailure('the demo did not hold: see the step that failed above');
    });
}
