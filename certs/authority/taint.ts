/** Which root or issuing CA a person means by its serial. */
import type { Instant } from '../../mesh/model/instant.ts';
import { type Step, tainted } from '../policy/rotation.ts';
import { factsOf } from './chain.ts';
import type { AuthorityDocument } from './document.ts';
import type { Taintable } from './state.ts';

export function taintedBy(document: AuthorityDocument, which: Taintable, at: Instant): Step {
  if (!('serial' in which)) return tainted(document, which.of, which.generation, at);
  // As OpenSSL prints it, too.
  const serial = which.serial.toUpperCase().replaceAll(':', '');
  const bySerial = ({ certificatePem }: { readonly certificatePem: string }): boolean => factsOf(certificatePem).serial === serial;
  const root = document.roots.find(bySerial);
  const generation = (root ?? document.issuers.find(bySerial))?.generation;
  if (generation === undefined) return { refusal: `no root or issuing CA has serial ${JSON.stringify(which.serial)}` };
  return tainted(document, root === undefined ? 'Issuing' : 'Root', generation, at);
}
