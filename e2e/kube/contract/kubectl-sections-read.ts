/** Reading: tables, formats, selectors, watches, waiting, describing. */
import type { Section } from './kubectl-step.ts';

const SHOP = `apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop, labels: {tier: web, size: small}, annotations: {note: "colours of the shop"}}
data: {colour: green, shape: round}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: prices, namespace: shop, labels: {tier: back}}
data: {tea: "3"}
---
apiVersion: v1
kind: Secret
metadata: {name: door, namespace: shop, labels: {tier: back}}
stringData: {code: "1234"}
---
apiVersion: v1
kind: Service
metadata: {name: checkout, namespace: shop, labels: {tier: web}}
spec: {selector: {app: checkout}, ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: headless, namespace: shop}
spec: {clusterIP: None, ports: [{port: 80}]}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: leader, namespace: shop}
spec: {holderIdentity: hub-0, leaseDurationSeconds: 15}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: headless-1, namespace: shop, labels: {kubernetes.io/service-name: headless}}
addressType: IPv4
endpoints: [{addresses: [10.1.0.7], conditions: {ready: true}}, {addresses: [10.1.0.8], conditions: {ready: false}}]
ports: [{name: http, port: 80, protocol: TCP}]
---
apiVersion: isthmus.dev/v1alpha1
kind: Mesh
metadata: {name: europe, labels: {tier: web}}
spec: {clusters: {names: ["*"]}}
---
apiVersion: isthmus.dev/v1alpha1
kind: Cluster
metadata: {name: berlin, labels: {region: eu}}
---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata: {name: checkout, namespace: shop}
`;

export const READ_SECTIONS: readonly Section[] = [
  {
    title: 'Tables', says: 'Columns come from the server: those of core kinds and those of our definitions.',
    steps: [
      { run: 'kubectl apply -f shop.yaml', files: { 'shop.yaml': SHOP } },
      { run: 'kubectl get configmap -n shop' },
      { run: 'kubectl get cm settings -n shop --show-labels' },
      { run: 'kubectl get cm -n shop -L tier,size' },
      { run: 'kubectl get secret,service,lease -n shop -o wide' },
      { run: 'kubectl get endpointslice headless-1 -n shop' },
      {
        run: "kubectl get endpointslice -n shop -l kubernetes.io/service-name=checkout -o jsonpath='{.items[*].metadata.labels.endpointslice\\.kubernetes\\.io/managed-by}{\"\\n\"}'",
        differs: 'kube-controller-manager makes EndpointSlices of Services with a selector; beside the embedded API no such controller runs.',
      },
      { run: 'kubectl get namespace shop -o wide' },
      { run: 'kubectl get mesh/europe cluster/berlin' },
      { run: 'kubectl get icl -o wide' },
      { run: 'kubectl get serviceexport -n shop' },
      { run: 'kubectl get serviceexports.v1alpha1.multicluster.x-k8s.io -n shop' },
      { run: 'kubectl get cm,mesh -n shop -l tier=web --no-headers' },
      { run: 'kubectl get cm -n shop --sort-by=.metadata.name' },
      { run: "kubectl get cm -A -l 'tier in (web,back)'" },
      { run: 'kubectl get mesh europe -A' },
      { run: 'kubectl get cm -n nowhere' },
      { run: 'kubectl get cm missing -n shop' },
      { run: 'kubectl get cm missing -n shop --ignore-not-found' },
      { run: 'kubectl get mesh/europe cm/settings -n shop' },
      { aside: true, run: 'kubectl get -f shop.yaml --chunk-size=1' },
      { aside: true, run: 'kubectl get cm -n shop --server-print=false' },
    ],
  },
  {
    title: 'Formats', says: 'Whole objects, parts of them, and made-up columns.',
    steps: [
      { run: 'kubectl get cm settings -n shop -o yaml' },
      { aside: true, run: 'kubectl get cm settings -n shop -o json' },
      { aside: true, run: 'kubectl get cm -n shop -o yaml' },
      { run: 'kubectl get service checkout -n shop -o yaml' },
      { aside: true, run: 'kubectl get service headless -n shop -o yaml' },
      { run: 'kubectl get secret door -n shop -o yaml' },
      { aside: true, run: 'kubectl get namespace shop -o yaml' },
      { aside: true, run: 'kubectl get lease leader -n shop -o yaml' },
      { aside: true, run: 'kubectl get endpointslice headless-1 -n shop -o yaml' },
      { run: 'kubectl get mesh europe -o yaml --show-managed-fields' },
      { run: 'kubectl get serviceexports.v1alpha1.multicluster.x-k8s.io checkout -n shop -o yaml', says: 'The same object in the other version.' },
      { aside: true, run: 'kubectl get serviceexport checkout -n shop -o yaml' },
      { run: 'kubectl get cm,secret -n shop -o name' },
      { run: "kubectl get cm settings -n shop -o jsonpath='{.data.colour}{\"\\n\"}'" },
      { run: "kubectl get cm -n shop -o jsonpath='{range .items[*]}{.metadata.name}: {.data}{\"\\n\"}{end}'" },
      { run: 'kubectl get cm -n shop -o custom-columns=NAME:.metadata.name,COLOUR:.data.colour' },
      { run: "kubectl get cm settings -n shop -o go-template='{{.data.shape}}{{\"\\n\"}}'" },
    ],
  },
  {
    title: 'Selectors', says: 'By label and by field; what a kind cannot select is refused with the same words.',
    steps: [
      { run: "kubectl get cm -n shop -l 'tier=web,size!=large' -o name" },
      { run: "kubectl get cm -n shop -l '!size' -o name" },
      { run: "kubectl get cm -n shop -l 'tier notin (web)' -o name" },
      { run: "kubectl get cm -n shop -l 'tier in (' -o name" },
      { run: 'kubectl get cm -n shop --field-selector metadata.name=prices -o name' },
      { run: 'kubectl get cm -A --field-selector metadata.namespace=shop -o name' },
      { run: 'kubectl get secret -n shop --field-selector type=Opaque -o name' },
      { run: 'kubectl get secret -n shop --field-selector type!=Opaque' },
      { run: 'kubectl get namespace --field-selector status.phase=Active,metadata.name=shop -o name' },
      { run: 'kubectl get mesh --field-selector metadata.name=europe -o name' },
      { run: 'kubectl get mesh --field-selector spec.strategy=default' },
      { run: 'kubectl get cm -n shop --field-selector data.colour=green' },
    ],
  },
  {
    title: 'Watching', says: 'A watch shows each change, and the end of what stops matching its selector.',
    steps: [
      { run: 'kubectl create namespace watched' },
      { run: 'kubectl create configmap first -n watched --from-literal=a=1' },
      { run: 'kubectl get cm -n watched --watch', beside: { name: 'plain', ready: /first/ } },
      { run: 'kubectl get cm -n watched -l keep=yes --watch --output-watch-events', beside: { name: 'events', ready: 'watch' } },
      { run: 'kubectl label cm first -n watched keep=yes' },
      { run: "kubectl patch cm first -n watched -p '{\"data\":{\"b\":\"2\"}}'" },
      { run: 'kubectl label cm first -n watched keep-' },
      { run: 'kubectl create configmap second -n watched' },
      { run: 'kubectl delete cm second -n watched' },
      { see: 'plain', after: /(second.*\n){2}/ },
      { see: 'events', after: /DELETED.*\n/ },
      { run: 'kubectl get mesh europe --watch-only -o name', beside: { name: 'only', ready: 'watch' } },
      { run: 'kubectl annotate mesh europe watched=yes' },
      { see: 'only', after: /europe/ },
      { aside: true, run: 'kubectl get cm first -n watched -o name --watch --request-timeout=1s' },
    ],
  },
  {
    title: 'Waiting', apart: true, says: 'For conditions, for a field, for creation and for deletion.',
    steps: [
      { run: 'kubectl apply -f waited.yaml', files: { 'waited.yaml': 'apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: waited}\nspec: {clusters: {names: [berlin]}}\n' } },
      { run: 'kubectl wait mesh/waited --for=condition=RolledOut --timeout=1s' },
      { run: 'kubectl wait mesh/waited --for=condition=RolledOut --timeout=20s', beside: { name: 'condition', ready: /^/ } },
      { run: "kubectl wait mesh/waited --for=jsonpath='{.status.clusterCount}'=3 --timeout=20s", beside: { name: 'field', ready: /^/ } },
      { run: 'kubectl patch mesh waited --subresource=status --type=merge --patch-file=status.yaml', files: { 'status.yaml': 'status:\n  clusterCount: 3\n  conditions:\n  - {type: RolledOut, status: "True", reason: AllDone, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}\n' } },
      { see: 'condition' },
      { see: 'field' },
      { run: 'kubectl get mesh waited' },
      { run: "kubectl wait mesh/waited --for=condition=RolledOut=False --timeout=1s" },
      { run: 'kubectl wait mesh/later --for=condition=RolledOut --timeout=1s' },
      { run: 'kubectl wait mesh/later --for=create --timeout=20s', beside: { name: 'create', ready: /^/ } },
      { run: "sed 's/waited/later/' waited.yaml | kubectl apply -f -" },
      { see: 'create' },
      { run: 'kubectl wait mesh/later --for=delete --timeout=20s', beside: { name: 'delete', ready: 'watch' } },
      { run: 'kubectl delete mesh later' },
      { see: 'delete' },
      { run: 'kubectl wait mesh/later --for=delete --timeout=1s' },
      { run: 'kubectl wait namespace default --for=jsonpath=.status.phase=Active --timeout=5s' },
    ],
  },
  {
    title: 'Describing', says: 'With the events of the object below it.',
    steps: [
      {
        run: 'sed "s/SHOP/$(kubectl get cm prices -n shop -o jsonpath={.metadata.uid})/; s/MESH/$(kubectl get mesh europe -o jsonpath={.metadata.uid})/" events.yaml | kubectl create -f -',
        files: {
          'events.yaml': `apiVersion: v1
kind: Event
metadata: {name: prices.1, namespace: shop}
involvedObject: {apiVersion: v1, kind: ConfigMap, name: prices, namespace: shop, uid: SHOP}
type: Normal
reason: Raised
message: tea costs 3 now
source: {component: till}
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
count: 1
---
apiVersion: v1
kind: Event
metadata: {name: europe.1, namespace: default}
involvedObject: {apiVersion: isthmus.dev/v1alpha1, kind: Mesh, name: europe, uid: MESH}
type: Warning
reason: Late
message: a cluster does not answer
reportingComponent: isthmus-hub
firstTimestamp: "2026-01-01T00:00:00Z"
lastTimestamp: "2026-01-01T00:00:00Z"
count: 1
`,
        },
      },
      { run: 'kubectl describe cm prices -n shop' },
      { run: 'kubectl describe secret door -n shop' },
      { aside: true, run: 'kubectl describe service headless -n shop' },
      { run: 'kubectl describe namespace shop', differs: 'The embedded API has no quotas and limit ranges to speak of.' },
      { aside: true, run: 'kubectl describe lease leader -n shop' },
      { aside: true, run: 'kubectl describe endpointslice headless-1 -n shop' },
      { run: 'kubectl describe mesh europe' },
      { aside: true, run: 'kubectl describe serviceexport checkout -n shop' },
      { run: 'kubectl describe mesh -l tier=none' },
      { run: 'kubectl describe cm missing -n shop' },
      { run: 'kubectl get events -n shop' },
      { run: 'kubectl get events -n shop -o wide' },
      { run: 'kubectl get events -A --field-selector reason=Late,type=Warning' },
      { run: 'kubectl events -n shop' },
      { run: 'kubectl events --for mesh/europe' },
      { run: 'kubectl events -n shop --types=Warning' },
    ],
  },
];
