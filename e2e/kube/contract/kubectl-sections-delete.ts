/** Deleting: finalizers, dependents, namespaces. */
import type { Section } from './kubectl-step.ts';

const conf = (namespace: string, name: string, extra = ''): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: ${namespace}${extra}}\n`;
const family = (name: string): string => `kubectl create -f owner-${name}.yaml && sed "s/UID/$(kubectl get cm owner-${name} -n family -o jsonpath={.metadata.uid})/" dependent-${name}.yaml | kubectl create -f -`;
const familyFiles = (name: string, block = false): Record<string, string> => ({
  [`owner-${name}.yaml`]: conf('family', `owner-${name}`),
  [`dependent-${name}.yaml`]: conf('family', `dependent-${name}`, `, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner-${name}, uid: UID${block ? ', blockOwnerDeletion: true' : ''}}]${block ? ', finalizers: [example.org/hold]' : ''}`),
});
const release = (namespace: string, name: string): string => `kubectl patch cm ${name} -n ${namespace} --type=merge -p '{"metadata":{"finalizers":null}}'`;

export const DELETE_SECTIONS: readonly Section[] = [
  {
    title: 'Deleting', says: 'By name, by file, by selector, and what is not there.',
    steps: [
      { run: 'kubectl create namespace deleted' },
      { run: 'for name in one two three four five; do kubectl create configmap $name -n deleted; done; kubectl label cm one two -n deleted set=a' },
      { run: 'kubectl delete cm one -n deleted --dry-run=server' },
      { run: 'kubectl delete cm -l set=a -n deleted' },
      { run: 'kubectl delete cm three -n deleted --now' },
      { run: 'kubectl delete cm four -n deleted -o name' },
      { run: 'kubectl delete cm four -n deleted' },
      { run: 'kubectl delete cm four -n deleted --ignore-not-found' },
      { run: 'kubectl delete cm --all -n deleted' },
      { run: 'kubectl delete cm --all -n deleted' },
      { run: 'kubectl apply -f mesh.yaml', files: { 'mesh.yaml': 'apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: deleted}\nspec: {clusters: {names: ["*"]}}\n' } },
      { run: 'kubectl delete -f mesh.yaml' },
      { run: 'kubectl delete -f mesh.yaml' },
      { run: 'kubectl delete cm' },
      { run: 'kubectl delete --raw /api/v1/namespaces/deleted/configmaps/none' },
    ],
  },
  {
    title: 'Finalizers', apart: true, says: 'Deleting waits for those who hold the object.',
    steps: [
      { run: 'kubectl create namespace held' },
      { run: 'kubectl create -f held.yaml', files: { 'held.yaml': conf('held', 'held', ', finalizers: [example.org/hold]') } },
      { run: 'kubectl delete cm held -n held --timeout=1s' },
      { run: "kubectl get cm held -n held -o jsonpath='{.metadata.deletionTimestamp} {.metadata.deletionGracePeriodSeconds} {.metadata.finalizers}'" },
      { run: 'kubectl delete cm held -n held --wait=false' },
      { run: 'kubectl patch cm held -n held --type=merge -p \'{"metadata":{"finalizers":["example.org/hold","example.org/another"]}}\'', says: 'No finalizer is added to what is being deleted.' },
      { run: 'kubectl delete cm held -n held --timeout=20s', beside: { name: 'delete', ready: /deleted/ } },
      { run: release('held', 'held') },
      { see: 'delete' },
      { run: 'kubectl get cm held -n held' },
      { run: 'kubectl create -f mesh-held.yaml', files: { 'mesh-held.yaml': 'apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: held, finalizers: [isthmus.dev/hold]}\nspec: {clusters: {names: ["*"]}}\n' } },
      { run: 'kubectl delete mesh held --wait=false' },
      { run: 'kubectl get mesh held -o jsonpath=\'{.metadata.generation} {.metadata.finalizers}\'' },
      { run: 'kubectl patch mesh held --type=json -p \'[{"op":"remove","path":"/metadata/finalizers"}]\'' },
      { run: 'kubectl get mesh held' },
    ],
  },
  {
    title: 'Owners and dependents', apart: true, says: 'In the background, in the foreground, or orphaned.',
    steps: [
      { run: 'kubectl create namespace family' },
      { run: family('a'), files: familyFiles('a') },
      { run: 'kubectl delete cm owner-a -n family --cascade=background' },
      { run: 'kubectl wait cm/dependent-a -n family --for=delete --timeout=20s' },
      { run: 'kubectl get cm dependent-a -n family', until: /NotFound/ },
      { run: family('b'), files: familyFiles('b', true) },
      { run: 'kubectl delete cm owner-b -n family --cascade=foreground --wait=false' },
      { run: 'kubectl get cm owner-b -n family -o jsonpath={.metadata.finalizers}' },
      { run: "kubectl wait cm/dependent-b -n family --for=jsonpath='{.metadata.deletionTimestamp}' --timeout=20s" },
      { run: release('family', 'dependent-b') },
      { run: 'kubectl wait cm/owner-b -n family --for=delete --timeout=20s' },
      { run: 'kubectl get cm owner-b dependent-b -n family', until: /NotFound(.|\n)*NotFound/ },
      { run: family('c'), files: familyFiles('c') },
      { run: 'kubectl delete cm owner-c -n family --cascade=orphan' },
      { run: "kubectl get cm dependent-c -n family -o jsonpath='{.metadata.name} {.metadata.ownerReferences}{\"\\n\"}'", until: /^dependent-c \n/ },
    ],
  },
  {
    title: 'Deleting a namespace', apart: true, says: 'With all that is in it, and only once all is gone.',
    steps: [
      { run: 'kubectl create namespace gone' },
      { run: 'kubectl create configmap x -n gone && kubectl create secret generic y -n gone && kubectl create service clusterip z -n gone --tcp=80' },
      { run: 'kubectl apply -n gone -f export.yaml', files: { 'export.yaml': 'apiVersion: multicluster.x-k8s.io/v1alpha1\nkind: ServiceExport\nmetadata: {name: z, finalizers: [example.org/hold]}\n' } },
      { run: 'kubectl delete namespace gone --wait=false' },
      { run: 'kubectl get namespace gone' },
      { run: 'kubectl create configmap late -n gone', says: 'Nothing new gets in.' },
      { run: 'kubectl get cm,secret,service -n gone', until: /No resources/ },
      { run: "kubectl get namespace gone -o jsonpath='{range .status.conditions[*]}{.type}={.status}: {.reason}, {.message}{\"\\n\"}{end}'", until: /hold/ },
      { run: 'kubectl wait namespace gone --for=delete --timeout=20s', beside: { name: 'gone', ready: 'watch' } },
      { run: 'kubectl patch serviceexport z -n gone --type=merge -p \'{"metadata":{"finalizers":null}}\'' },
      { see: 'gone' },
      { run: 'kubectl get namespace gone', until: /NotFound/ },
      { run: 'kubectl delete namespace default' },
    ],
  },
  {
    title: 'Deleting a definition', apart: true, says: 'All its objects go with it, and then the kind is unknown.',
    steps: [
      {
        run: 'kubectl apply -f toys.yaml && kubectl wait crd toys.example.org --for=condition=Established --timeout=20s',
        files: { 'toys.yaml': 'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: toys.example.org}\nspec:\n  group: example.org\n  scope: Namespaced\n  names: {kind: Toy, plural: toys}\n  versions:\n  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}}\n' },
      },
      { run: 'kubectl create namespace play && kubectl create -f toy.yaml', files: { 'toy.yaml': 'apiVersion: example.org/v1\nkind: Toy\nmetadata: {name: ball, namespace: play}\nspec: {size: 3}\n' } },
      { run: 'kubectl get toys -n play' },
      { run: 'kubectl delete crd toys.example.org --timeout=20s' },
      { run: 'kubectl get toys -n play', until: /could not find/, differs: 'The embedded API says what it does not serve.' },
    ],
  },
];
