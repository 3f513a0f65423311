/** What certificates of the mesh that others made say: whom they believe, who signed them, and by which names their server may be called. Pure; of keys nothing is read. */
import { certificatesOf, endsIn, readCertificate } from '../../../certs/index.ts';
import type { SecretObject } from '../../../mesh/api/resources/core.ts';
import type { Digest } from '../../../mesh/model/canonical.ts';
import { type CiliumFacts, MAX_FOREIGN_ROOTS, MAX_SERVER_NAMES } from '../../../mesh/model/cluster.ts';
import { isOurs, meshSecretName } from '../identity/mesh-secrets.ts';
import { secretText } from '../secret-text.ts';

const LONGEST_NAME = 253;

/** Empty where all are Isthmus' own: what those hold is known. One that cannot be read tells nothing. */
export function readForeignTrust(secrets: readonly SecretObject[], digest: Digest): Pick<CiliumFacts, 'foreignTrust' | 'serverNames'> {
  const foreign = secrets.filter((secret) => !isOurs(secret));
  if (foreign.length === 0) return {};
  const roots = new Set<string>();
  const signedBy = new Set<string>();
  for (const secret of foreign) {
    for (const root of certificatesIn(secretText(secret, 'ca.crt'))) {
      roots.add(digest(root));
      if (endsIn(secretText(secret, 'tls.crt'), root)) signedBy.add(digest(root));
    }
  }
  const server = foreign.find(({ metadata }) => metadata.name === meshSecretName('server'));
  const names = server === undefined ? [] : namesIn(secretText(server, 'tls.crt'));
  return {
    foreignTrust: { roots: [...roots].sort().slice(0, MAX_FOREIGN_ROOTS), signedBy: [...signedBy].sort().slice(0, MAX_FOREIGN_ROOTS) },
    ...(names.length === 0 ? {} : { serverNames: names }),
  };
}

function certificatesIn(pem: string): readonly string[] {
  try {
    return certificatesOf(pem);
  } catch {
    return [];
  }
}

function namesIn(chainPem: string): readonly string[] {
  try {
    return [...new Set(readCertificate(chainPem).dnsNames)].filter((name) => name.length <= LONGEST_NAME).sort().slice(0, MAX_SERVER_NAMES);
  } catch {
    return [];
  }
}
