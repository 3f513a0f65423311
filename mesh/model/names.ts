/** Name grammars. Each check returns a sentence that says what is wrong and what would be right, or `undefined`. */

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** RFC 1123 label: what Kubernetes wants of a namespace or Service name. */
export function dnsLabelProblem(field: string, value: string): string | undefined {
  if (DNS_LABEL.test(value)) return undefined;
  return `${field}: ${JSON.stringify(value)} is not a DNS label: use 1 to 63 of a-z, 0-9 and "-", beginning and ending with a letter or digit`;
}

/**
 * Cilium's rule for `cluster.name` (Helm chart `templates/validate.yaml`, strict since 1.17): at most 32 characters and not `default`.
 * Every Isthmus cluster obeys it, meshed or not, so that any cluster can join a mesh later.
 */
export function clusterNameProblem(field: string, value: string): string | undefined {
  const problem = dnsLabelProblem(field, value);
  if (problem !== undefined) return problem;
  if (value.length > 32) return `${field}: ${JSON.stringify(value)} has ${value.length} characters; Cilium allows a cluster name of at most 32`;
  if (value === 'default') return `${field}: "default" is the name Cilium gives a cluster outside any mesh; choose another`;
  return undefined;
}
