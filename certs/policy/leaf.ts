/** What every leaf must be before it is signed. A violation is a bug or an attack: nothing is signed. */
import { BACKDATED_MILLISECONDS } from '../../mesh/model/revocation.ts';
import type { CertificateTemplate } from '../authority/certificate.ts';
import { isHost, type NameConstraints, permitsHost, permitsUri } from '../authority/constraints.ts';
import { isP256PublicKey } from '../authority/identifiers.ts';
import { MESH_LIFETIME, type Validity } from './schedule.ts';

const SERIAL_BYTES = 16;
const LONGEST_COMMON_NAME = 64;

/** A sentence, or undefined where all is well. */
export function leafProblem({ usage, validity, serial, names, subject, publicKeyDer }: CertificateTemplate, issuer: Validity & { readonly constraints: NameConstraints | undefined }): string | undefined {
  const { uris = [], hosts = [] } = names;
  const { constraints = {} } = issuer;
  if (usage.kind !== 'leaf') return 'it would be an authority';
  if (!usage.client && !usage.server) return 'it would serve no purpose';
  if (!isP256PublicKey(publicKeyDer)) return 'its key is not P-256';
  if (serial.length !== SERIAL_BYTES || ((serial[0] ?? 0) & 0xc0) !== 0x40) return 'its serial is not a positive number of 128 bits';
  if (validity.notAfter > issuer.notAfter || validity.notBefore < issuer.notBefore) return 'it would live longer than its issuing CA';
  if (validity.notAfter <= validity.notBefore || validity.notAfter - validity.notBefore > MESH_LIFETIME + BACKDATED_MILLISECONDS) return 'it would live longer than 7 days, or not at all';
  if (uris.length > 1) return 'it would have two URIs';
  if ((subject.commonName?.length ?? 0) > LONGEST_COMMON_NAME) return `its common name has more than ${LONGEST_COMMON_NAME} characters`;
  const wrong = hosts.find((host) => !isHost(host));
  if (wrong !== undefined) return `${JSON.stringify(wrong)} is no host name`;
  const foreign = uris.find((uri) => !permitsUri(constraints, uri)) ?? hosts.find((host) => !permitsHost(constraints, host));
  return foreign === undefined ? undefined : `the issuing CA may not sign for ${JSON.stringify(foreign)}`;
}
