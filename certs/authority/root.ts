/** What a root that people bring must be. */
import { type Instant, toRfc3339 } from '../../mesh/model/instant.ts';
import { spiffeIdOfHub } from '../names.ts';
import { permitsUri } from './constraints.ts';
import { type AuthorityFacts, signedBy } from './read-authority.ts';

/** A sentence, or undefined where it will do. */
export function rootProblem(root: AuthorityFacts, trustDomain: string, now: Instant): string | undefined {
  if (root.problem !== undefined) return root.problem;
  if (!root.authority || !root.signsCertificates) return 'is not one of an authority (CA:TRUE, and keyCertSign where it has a key usage)';
  if (root.algorithm === undefined) return 'has a key that is not used here: use P-256, RSA of 2048 bits or more, or Ed25519';
  if (!signedBy(root, root)) return 'is not signed by itself with SHA-256 or better: give the root itself, not an authority below it';
  if (root.pathLength === 0) return 'permits no authority below itself (pathlen:0)';
  if (root.constraints !== undefined && !permitsUri(root.constraints, spiffeIdOfHub(trustDomain))) return `may not sign for trust domain ${JSON.stringify(trustDomain)}`;
  if (root.notBefore > now) return `is not valid before ${toRfc3339(root.notBefore)}`;
  if (root.notAfter <= now) return `ended at ${toRfc3339(root.notAfter)}`;
  return undefined;
}
