/** Certificates signed in a second: from a request, with the proof of possession checked, to PEM; and the signing alone. */
import forge from 'node-forge';
import { signCertificate } from '../../../certs/authority/certificate.ts';
import { loadIssuer } from '../../../certs/authority/chain.ts';
import { agentProfile } from '../../../certs/authority/leaves.ts';
import { randomSerial } from '../../../certs/authority/certificate.ts';
import { createAuthority, createCertificateRequest } from '../../../certs/index.ts';
import { parseDocument } from '../../../certs/authority/stored.ts';
import { memoryKeyStore } from '../../../certs/testing/memory-key-store.ts';
import { systemClock } from '../../../controller/adapters/clock.ts';
import { systemRandom } from '../../../controller/adapters/random.ts';
import { p256Signer } from '../../../controller/adapters/signer.ts';
import { silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { fetchPeculiar } from './peculiar.ts';
import { type Rate, rateOf } from './rate.ts';

export interface SigningFigures {
  readonly issued: Rate;
  readonly signed: Rate;
  readonly peculiar: Rate | { readonly problem: string };
  readonly forgeRsa: Rate;
}

const never = new AbortController().signal;
const TRUST_DOMAIN = 'mesh.example';
const REQUESTS = 256;

export async function measureSigning(milliseconds: number, withPeculiar: boolean): Promise<SigningFigures> {
  const keys = memoryKeyStore();
  const authority = createAuthority({ clock: systemClock, random: systemRandom, signer: p256Signer, keys, trustDomain: TRUST_DOMAIN, log: silentLog, hosts: ['hub.example'] });
  await authority.open(never);
  const requests = Array.from({ length: REQUESTS }, () => createCertificateRequest(p256Signer.generate()));
  const requestOf = (index: number): Uint8Array => requests[index % REQUESTS] ?? new Uint8Array();
  const issued = await rateOf(milliseconds, (index) => authority.issueAgent('berlin', requestOf(index)));

  const [stored] = parseDocument((await keys.load(never))?.content ?? '', TRUST_DOMAIN, Date.now()).issuers;
  if (stored === undefined) throw new Error('the authority has no issuing CA');
  const issuer = loadIssuer(stored, p256Signer);
  const publicKeys = Array.from({ length: REQUESTS }, () => p256Signer.generate().publicKeyDer);
  const { subject, usage, names, lifetime } = agentProfile(TRUST_DOMAIN, 'berlin');
  const signed = await rateOf(milliseconds, (index) => signCertificate({
    subject, usage, names, issuer, validity: { notBefore: Date.now() - 60_000, notAfter: Date.now() + lifetime }, publicKeyDer: publicKeys[index % REQUESTS] ?? new Uint8Array(), serial: randomSerial(systemRandom),
  }, issuer.key));

  const found = withPeculiar ? await fetchPeculiar() : { problem: 'not asked for' };
  let peculiar: SigningFigures['peculiar'];
  if ('problem' in found) peculiar = found;
  else {
    try {
      peculiar = await rateOf(milliseconds, (index) => found.issue(requestOf(index)));
    } finally {
      found.remove();
    }
  }
  return { issued, signed, peculiar, forgeRsa: await forgeRate(milliseconds) };
}

/** Its own X.509 knows RSA alone: 2,048 bits, no request to check. */
function forgeRate(milliseconds: number): Promise<Rate> {
  const { privateKey, publicKey } = forge.pki.rsa.generateKeyPair(2048);
  return rateOf(milliseconds, () => {
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = publicKey;
    certificate.serialNumber = '4a3b2c1d';
    certificate.validity.notAfter = new Date(Date.now() + 86_400_000);
    certificate.setSubject([{ name: 'organizationName', value: 'Isthmus' }]);
    certificate.setIssuer([{ name: 'organizationName', value: 'Isthmus' }]);
    certificate.setExtensions([{ name: 'basicConstraints', cA: false }, { name: 'keyUsage', digitalSignature: true }, { name: 'subjectAltName', altNames: [{ type: 6, value: 'spiffe://mesh.example/cluster/berlin' }] }]);
    certificate.sign(privateKey, forge.md.sha256.create());
    return forge.pki.certificateToPem(certificate);
  });
}
