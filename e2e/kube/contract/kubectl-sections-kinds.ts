/** Definitions, what kinds there are, and what their fields mean. */
import type { Section } from './kubectl-step.ts';

export const KIND_SECTIONS: readonly Section[] = [
  {
    title: 'Definitions', says: 'The definitions of the charts make both servers serve our kinds and both versions of MCS.',
    steps: [
      { run: 'kubectl apply -f charts/isthmus-hub/files/crds -f charts/isthmus-agent/files/crds' },
      { run: 'kubectl wait crd --all --for=condition=Established --timeout=20s' },
      { run: 'kubectl apply -f charts/isthmus-hub/files/crds/meshes.yaml', says: 'Nothing to do the second time, although the server has completed what was sent.' },
      { run: 'kubectl apply --server-side --dry-run=server -f charts/isthmus-hub/files/crds/meshes.yaml --force-conflicts' },
      { run: 'kubectl diff -f charts/isthmus-hub/files/crds/meshes.yaml' },
      { run: 'kubectl get crd meshes.isthmus.dev' },
      { run: "kubectl get crd serviceexports.multicluster.x-k8s.io -o jsonpath='{.status.storedVersions} {.spec.conversion.strategy} {.status.acceptedNames.kind}{\"\\n\"}'" },
      { run: "kubectl get crd meshes.isthmus.dev -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}{\"\\n\"}{end}'" },
      {
        run: 'kubectl apply -f broken.yaml', says: 'A definition without a schema is none.',
        files: { 'broken.yaml': 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: toys.example.org}\nspec:\n  group: example.org\n  scope: Namespaced\n  names: {kind: Toy, plural: toys}\n  versions:\n  - {name: v1, served: true, storage: true}\n' },
      },
    ],
  },
  {
    title: 'Kinds', says: '`api-resources` and `api-versions` read the aggregated discovery.',
    steps: [
      { aside: true, run: 'kubectl api-resources --api-group=isthmus.dev --sort-by=name' },
      { run: 'kubectl api-resources --api-group=isthmus.dev -o wide --sort-by=name' },
      { run: 'kubectl api-resources --api-group=multicluster.x-k8s.io -o wide' },
      { aside: true, run: 'kubectl api-resources --api-group=coordination.k8s.io -o wide' },
      { aside: true, run: 'kubectl api-resources --api-group=discovery.k8s.io -o wide' },
      { run: 'kubectl api-resources --api-group=apiextensions.k8s.io -o wide' },
      { run: "kubectl api-resources --api-group='' --sort-by=name -o wide | grep -E '^(NAME|configmaps|events|namespaces|nodes|secrets|serviceaccounts|services) ' | tr -s ' '" },
      { aside: true, run: 'kubectl api-resources --namespaced=false --api-group=isthmus.dev -o name' },
      { aside: true, run: 'kubectl api-resources --namespaced=true --api-group=isthmus.dev' },
      { run: "kubectl api-versions | grep -E '^(apiextensions|coordination|discovery|isthmus|multicluster|v1)'" },
      { run: 'kubectl get pigs' },
      { run: 'kubectl get pods.isthmus.dev' },
    ],
  },
  {
    title: 'Fields', says: '`explain` reads OpenAPI 3: of core kinds and of ours.',
    steps: [
      { aside: true, run: 'kubectl explain configmap' },
      { run: 'kubectl explain configmap.data' },
      { aside: true, run: 'kubectl explain service.spec.ports.targetPort' },
      { aside: true, run: 'kubectl explain mesh' },
      { run: 'kubectl explain mesh.spec' },
      { run: 'kubectl explain mesh.spec.clusters.names' },
      { run: 'kubectl explain mesh.spec --recursive' },
      { aside: true, run: 'kubectl explain mesh.metadata.ownerReferences' },
      { aside: true, run: 'kubectl explain lease.spec' },
      { aside: true, run: 'kubectl explain endpointslice.endpoints.conditions' },
      { run: 'kubectl explain serviceexport --api-version=multicluster.x-k8s.io/v1alpha1' },
      { run: 'kubectl explain mesh.spec.nothing' },
      { run: 'kubectl explain pigs' },
    ],
  },
];
