/** Before the suites on real servers: the tests' processes find the servers in KUBEBUILDER_ASSETS, wherever they came from. */
import { provideAssets } from './assets.ts';

export default async function setup(): Promise<void> {
  const found = await provideAssets((text) => { console.log(text); });
  if ('folder' in found) process.env['KUBEBUILDER_ASSETS'] = found.folder;
  else console.log(found.problem);
}
