/** Every certificate in use chains to the bundle that the hub published. */
import { fromPem, toPem } from '../../../certs/pem.ts';
import { readCertificate } from '../../../certs/index.ts';
import { chainProblem } from '../../../certs/testing/chain-problem.ts';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { NAMESPACE } from '../fleet.ts';
import type { Invariant } from './invariant.ts';

interface Seen { readonly bundlePem: string | undefined; readonly chains: readonly { readonly where: string; readonly chainPem: string }[] }

/** Make one for each simulation: what was found of a chain stands until the bundle changes. */
export function certificatesChain(): Invariant<Seen> {
  const found = new Map<string, string | undefined>();
  let foundUnder: string | undefined;
  return {
    name: 'certificates chain to the published bundle',
    capture: (fleet) => ({
      bundlePem: fleet.hub.read<ConfigMapObject>(ConfigMap, { namespace: NAMESPACE, name: 'isthmus-trust' })?.data?.['bundle.pem'],
      chains: fleet.members.flatMap((member) => member.readAll<SecretObject>(Secret).flatMap(({ metadata, data }) => {
        const chain = data?.['tls.crt'];
        return chain === undefined || chain === '' ? [] : [{ where: `${member.name} Secret ${metadata.namespace}/${metadata.name}`, chainPem: Buffer.from(chain, 'base64').toString('utf8') }];
      })),
    }),
    assert({ bundlePem, chains }) {
      if (bundlePem !== foundUnder) found.clear();
      foundUnder = bundlePem;
      for (const { where, chainPem } of chains) {
        const problem = found.has(chainPem) ? found.get(chainPem) : chainProblem(chainPem, bundlePem ?? '');
        found.set(chainPem, problem);
        if (problem !== undefined) return `${where}: ${problem}`;
      }
      return undefined;
    },
    print: ({ bundlePem, chains }) => [`bundle: ${bundlePem === undefined ? 'none' : fromPem('CERTIFICATE', bundlePem).length}`, ...chains.map(({ where, chainPem }) => `${where}: ${fromPem('CERTIFICATE', chainPem).map((one) => readCertificate(toPem('CERTIFICATE', one)).commonName).join(' <- ')}`)].join('\n'),
  };
}
