/** Every certificate in use chains to the bundle that the hub published. */
import * as der from '../../../certs/authority/der.ts';
import { fromPem, toPem } from '../../../certs/pem.ts';
import { readCertificate } from '../../../certs/index.ts';
import { deterministicSigner } from '../../../certs/testing/deterministic-signer.ts';
import { ConfigMap, type ConfigMapObject, Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { NAMESPACE } from '../fleet.ts';
import type { Invariant } from './invariant.ts';

interface Seen { readonly bundlePem: string | undefined; readonly chains: readonly { readonly where: string; readonly chainPem: string }[] }

const signer = deterministicSigner('only verifies');

/** Whether `issuer`'s key signed `certificate` (RFC 5280 §4.1: what is signed, by what algorithm, and the signature). */
function signedBy(certificate: Uint8Array, issuer: Uint8Array): boolean {
  const [signed, , signature] = der.parts(der.decode(certificate));
  if (signed === undefined || signature === undefined) return false;
  const bits = der.content(signature, der.TAG.bits);
  return signer.verify(readCertificate(toPem('CERTIFICATE', issuer)).publicKeyDer, der.encode(signed), bits.subarray(1));
}

function problemOf(chainPem: string, roots: readonly Uint8Array[]): string | undefined {
  const chain = fromPem('CERTIFICATE', chainPem);
  if (chain.length < 2) return `has ${chain.length} certificates, leaf and issuer are needed`;
  for (const [index, certificate] of chain.entries()) {
    const issuers = chain[index + 1] === undefined ? roots : [chain[index + 1]!];
    if (!issuers.some((issuer) => signedBy(certificate, issuer))) return `certificate ${index} (${readCertificate(toPem('CERTIFICATE', certificate)).commonName}) is not signed by ${index + 1 === chain.length ? 'a published root' : 'the next one'}`;
  }
  return undefined;
}

/** undefined: leaf and issuing CA lead to one of these roots. */
export const chainProblem = (chainPem: string, rootsPem: string): string | undefined => problemOf(chainPem, fromPem('CERTIFICATE', rootsPem));

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
      const roots = fromPem('CERTIFICATE', bundlePem ?? '');
      for (const { where, chainPem } of chains) {
        const problem = found.has(chainPem) ? found.get(chainPem) : problemOf(chainPem, roots);
        found.set(chainPem, problem);
        if (problem !== undefined) return `${where}: ${problem}`;
      }
      return undefined;
    },
    print: ({ bundlePem, chains }) => [`bundle: ${bundlePem === undefined ? 'none' : fromPem('CERTIFICATE', bundlePem).length}`, ...chains.map(({ where, chainPem }) => `${where}: ${fromPem('CERTIFICATE', chainPem).map((one) => readCertificate(toPem('CERTIFICATE', one)).commonName).join(' <- ')}`)].join('\n'),
  };
}
