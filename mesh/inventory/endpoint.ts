/** Addresses of Kubernetes API servers as other inventories write them: compared, and found in the names of Argo CD's Secrets. */

/** `https://host` or `https://host:port`, lower case, 443 left out; undefined: no https URL of a host alone. */
export function normalEndpoint(url: string): string | undefined {
  const [, host, port] = /^https:\/\/(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(?::(\d{1,5}))?\/?$/.exec(url.toLowerCase())?.filter((_, index) => index !== 2) ?? [];
  if (host === undefined) return undefined;
  return port === undefined || Number(port) === 443 ? `https://${host}` : `https://${host}:${Number(port)}`;
}

/** 32 bits, FNV-1a, of a text of ASCII characters. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** Spellings of one endpoint that people give to `argocd cluster add`. */
const spellings = (endpoint: string): readonly string[] => (/:\d+$/.test(endpoint) ? [endpoint, `${endpoint}/`] : [endpoint, `${endpoint}/`, `${endpoint}:443`, `${endpoint}:443/`]);

/**
 * The names that Argo CD may have given to its Secret of an endpoint: `cluster-HOST-HASH`, the hash is of the whole URL (`util/db`, `URIToSecretName`). So a Secret is known by
 * its name, and nothing of its content has to be read. Hosts written as IPv6 addresses are left out: Argo CD spells them in full.
 */
export function argoSecretNames(endpoint: string): readonly string[] {
  const host = /^https:\/\/([a-z0-9.-]+)/.exec(endpoint)?.[1];
  return host === undefined ? [] : spellings(endpoint).map((url) => `cluster-${host}-${fnv1a(url)}`);
}

/** The host in such a name; undefined: the Secret was named by a person. */
export const argoSecretHost = (name: string): string | undefined => /^cluster-(.+)-\d{1,10}$/.exec(name)?.[1];
