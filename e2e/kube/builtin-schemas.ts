/** Writes `controller/embedded/builtin/schemas.generated.ts` from a real kube-apiserver: `KUBEBUILDER_ASSETS=… node e2e/kube/builtin-schemas.ts`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { startApiServer } from './apiserver.ts';

const KINDS: Readonly<Record<string, readonly string[]>> = {
  'api/v1': ['Namespace', 'Node', 'Secret', 'ConfigMap', 'Service', 'Event', 'ServiceAccount', 'Pod'],
  'apis/discovery.k8s.io/v1': ['EndpointSlice'],
  'apis/storage.k8s.io/v1': ['StorageClass'],
  'apis/admissionregistration.k8s.io/v1': ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'],
  'apis/coordination.k8s.io/v1': ['Lease'],
  'apis/events.k8s.io/v1': ['Event'],
  'apis/authentication.k8s.io/v1': ['SelfSubjectReview', 'TokenReview'],
  'apis/authorization.k8s.io/v1': ['LocalSubjectAccessReview', 'SelfSubjectAccessReview', 'SelfSubjectRulesReview', 'SubjectAccessReview'],
  'apis/rbac.authorization.k8s.io/v1': ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'],
};

type Schema = { readonly 'x-kubernetes-group-version-kind'?: readonly { readonly kind: string }[] };

/** Adds a schema and all that it refers to. */
function include(name: string, from: Readonly<Record<string, Schema>>, into: Map<string, Schema>): void {
  const schema = from[name];
  if (schema === undefined || into.has(name)) return;
  into.set(name, schema);
  for (const [, reference] of JSON.stringify(schema).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) include(reference as string, from, into);
}

const server = await startApiServer();
try {
  const dispatcher = new Agent({ connect: { ca: server.certificateAuthorityPem } });
  const found = new Map<string, Schema>();
  for (const [path, kinds] of Object.entries(KINDS)) {
    const { body } = await request(`${server.url}/openapi/v3/${path}`, { dispatcher, headers: { authorization: `Bearer ${server.adminToken}` } });
    const { components } = await body.json() as { components: { schemas: Record<string, Schema> } };
    for (const kind of kinds) {
      const name = Object.keys(components.schemas).find((candidate) => candidate.endsWith(`.${kind}`) && components.schemas[candidate]?.['x-kubernetes-group-version-kind']?.some((each) => each.kind === kind) === true);
      if (name === undefined) throw new Error(`${path} has no kind ${kind}`);
      include(name, components.schemas, found);
    }
  }
  await dispatcher.destroy();
  const lines = [...found.keys()].sort().map((name) => `  ${JSON.stringify(name)}: ${JSON.stringify(found.get(name))},`);
  writeFileSync(join(import.meta.dirname, '../../controller/embedded/builtin/schemas.generated.ts'), `/** Schemas of the built-in kinds, from the OpenAPI v3 documents of kube-apiserver 1.36 (Apache-2.0). Made by \`e2e/kube/builtin-schemas.ts\`; do not edit. */
export const KUBERNETES_SCHEMAS: Readonly<Record<string, object>> = {
${lines.join('\n')}
};
`);
} finally {
  await server.stop();
}
