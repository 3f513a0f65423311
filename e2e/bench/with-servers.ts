/** What every bench begins and ends with: the machine, the servers to compare with, and how long it took. */
import { availableParallelism, loadavg } from 'node:os';
import { missingAssets } from '../kube/apiserver.ts';
import { provideAssets } from '../kube/assets.ts';
import { number } from './kube/figures.ts';

export type Print = (text: string) => void;

/** `hasReal` false: no kube-apiserver is there, which is said. */
export async function withServers(measure: (hasReal: boolean, print: Print) => Promise<void>): Promise<void> {
  const start = performance.now();
  const print: Print = (text) => { process.stdout.write(`${text}\n`); };
  const found = await provideAssets((text) => { process.stderr.write(`${text}\n`); });
  if ('folder' in found) process.env['KUBEBUILDER_ASSETS'] = found.folder;
  const missing = missingAssets();
  if (missing !== undefined) print(`left out: everything beside a real kube-apiserver, because ${missing}`);
  print(`${availableParallelism()} processors; load of the minute before: ${number(loadavg()[0] ?? Number.NaN)} (with other work beside it, figures say less than their ratios, and ratios less than on a quiet machine)`);
  await measure(missing === undefined, print);
  print(`\ntook ${number((performance.now() - start) / 1000)} s`);
}
