/** The text that kubectl and every client library read. */
export function kubeconfigText(given: { readonly name: string; readonly url: string; readonly caPem: string; readonly user: string; readonly token: string; readonly namespace?: string }): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: ${given.name}
  cluster:
    server: ${given.url}
    certificate-authority-data: ${Buffer.from(given.caPem).toString('base64')}
users:
- name: ${given.user}
  user:
    token: ${given.token}
contexts:
- name: ${given.name}
  context:
    cluster: ${given.name}
    user: ${given.user}
    namespace: ${given.namespace ?? 'default'}
current-context: ${given.name}
`;
}
