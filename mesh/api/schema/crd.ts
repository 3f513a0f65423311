/** The CustomResourceDefinition of a kind: what `files/crds` of the charts holds and a real kube-apiserver accepts. */
import type { ResourceDefinition } from '../resources/define.ts';
import { objectSchema } from './structural.ts';

/** `apiextensions.k8s.io/v1`, plain JSON. Every served version has the same fields, so conversion is `None`. */
export function crdOf(definition: ResourceDefinition): object {
  const schema = { openAPIV3Schema: objectSchema(definition) };
  const version = (name: string, stored: boolean): object => ({
    name,
    served: true,
    storage: stored,
    schema,
    ...(definition.status === undefined ? {} : { subresources: { status: {} } }),
    additionalPrinterColumns: definition.printColumns.map((column) => ({
      name: column.name, type: column.type, jsonPath: column.jsonPath, ...(column.priority === undefined ? {} : { priority: column.priority }),
    })),
  });
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${definition.plural}.${definition.group}`,
      // Kubernetes asks for a reviewed proposal of every group below k8s.io; ServiceExport and ServiceImport are SIG Multicluster's.
      ...(definition.group.endsWith('.x-k8s.io') ? { annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes/enhancements/tree/master/keps/sig-multicluster/1645-multi-cluster-services-api' } } : {}),
    },
    spec: {
      group: definition.group,
      names: {
        kind: definition.kind, listKind: `${definition.kind}List`, plural: definition.plural, singular: definition.singular,
        ...(definition.shortNames.length === 0 ? {} : { shortNames: definition.shortNames }),
      },
      scope: definition.namespaced ? 'Namespaced' : 'Cluster',
      conversion: { strategy: 'None' },
      versions: [version(definition.version, true), ...(definition.alsoServed ?? []).map((name) => version(name, false))],
    },
  };
}
