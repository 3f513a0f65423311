/** A CA and a server certificate for this machine alone: what the embedded API presents. */
import { randomSerial, signCertificate } from '../../certs/authority/certificate.ts';
import type { Random } from '../../mesh/ports/random.ts';
import type { Signer } from '../../mesh/ports/signer.ts';

export interface ServerIdentity {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

const YEAR_MILLISECONDS = 365 * 86_400_000;

/** P-256, valid for a year from an hour before `now` (milliseconds). The CA's key is thrown away. */
export function selfSignedServer(given: { readonly now: number; readonly signer: Signer; readonly random: Random; readonly hosts?: readonly string[] }): ServerIdentity {
  const [authority, server] = [given.signer.generate(), given.signer.generate()];
  const validity = { notBefore: given.now - 3_600_000, notAfter: given.now + YEAR_MILLISECONDS };
  const issuer = { organization: 'Isthmus', commonName: 'embedded API CA' };
  const common = { issuer, validity, issuerPublicKeyDer: authority.publicKeyDer };
  const caPem = signCertificate({ ...common, subject: issuer, publicKeyDer: authority.publicKeyDer, usage: { kind: 'authority', pathLength: 0 }, names: {}, serial: randomSerial(given.random) }, authority);
  const certPem = signCertificate({
    ...common, subject: { organization: 'Isthmus', commonName: 'embedded API' }, publicKeyDer: server.publicKeyDer,
    usage: { kind: 'leaf', server: true, client: false }, names: { hosts: ['localhost', '127.0.0.1', '::1', ...given.hosts ?? []] }, serial: randomSerial(given.random),
  }, authority);
  return { caPem, certPem, keyPem: server.exportPem() };
}
