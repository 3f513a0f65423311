/** The server itself, raw documents, and who may do what. */
import type { Section } from './kubectl-step.ts';

const ANN = '--token=ann-token-of-the-contract-suite';
const BEN = '--token=ben-token-of-the-contract-suite';

export const SERVER_SECTIONS: readonly Section[] = [
  {
    title: 'The server', says: 'Health, version and raw documents.',
    steps: [
      { run: 'kubectl version 2> /dev/null | grep Server', differs: 'Each server says what it is.' },
      { run: 'kubectl cluster-info' },
      { run: 'kubectl get --raw /readyz' },
      { run: 'kubectl get --raw /livez' },
      { run: 'kubectl get --raw /healthz' },
      { run: 'kubectl get --raw /api' },
      { run: 'kubectl get --raw /apis/isthmus.dev' },
      { run: 'kubectl get --raw /api/v1/namespaces/shop/configmaps/prices | grep -o \'"data":{[^}]*}\'' },
      { run: 'kubectl get --raw /nothing', differs: 'The embedded API says what it does not serve.' },
      { run: 'kubectl get --raw /api/v1/namespaces/shop/pigs', differs: 'The embedded API says what it does not serve.' },
      { run: 'kubectl get cm -n shop --token=nobody' },
    ],
  },
  {
    title: 'Who may do what', says: 'The administrator, and two users whose rights are Roles.',
    steps: [
      { run: 'kubectl auth whoami' },
      { run: 'kubectl auth can-i delete meshes' },
      { run: 'kubectl auth can-i get /healthz' },
      { run: `kubectl auth whoami ${ANN}` },
      { run: `kubectl auth can-i get configmaps -n shop ${ANN}` },
      { run: `kubectl get cm -n shop ${ANN}` },
      { run: `kubectl get mesh europe ${ANN}` },
      { run: 'kubectl create role reader -n shop --verb=get,list,watch --resource=configmaps' },
      { run: 'kubectl create rolebinding readers -n shop --role=reader --group=gardeners' },
      { run: 'kubectl create clusterrole meshes --verb=get,list,patch --resource=meshes.isthmus.dev' },
      { run: 'kubectl create clusterrolebinding ben-meshes --clusterrole=meshes --user=ben' },
      { run: `kubectl auth can-i get configmaps -n shop ${ANN}`, until: /^yes/ },
      { run: `kubectl get cm -n shop -o name ${ANN}` },
      { run: `kubectl delete cm prices -n shop ${ANN}` },
      { run: `kubectl get cm -A ${ANN}` },
      { run: `kubectl auth can-i patch meshes ${BEN}`, until: /^yes/ },
      { run: `kubectl label mesh europe by=ben ${BEN}` },
      { run: `kubectl patch mesh europe --subresource=status --type=merge -p '{"status":{"clusterCount":1}}' ${BEN}` },
      { run: `kubectl auth can-i --list -n shop ${ANN}` },
      { run: 'kubectl auth can-i list secrets -n shop --as=ann' },
      { run: 'kubectl auth can-i list configmaps -n shop --as=ann --as-group=gardeners' },
      { run: 'kubectl get secrets -n shop --as=ben' },
      { run: `kubectl get secrets -n shop --as=admin ${ANN}`, differs: 'kube-apiserver 1.36 names the right that it asked for first, to impersonate for this one verb; the embedded API knows impersonation as a whole.' },
      { run: 'kubectl auth whoami --as=carol --as-group=gardeners' },
      { run: 'kubectl get role,rolebinding -n shop' },
      { run: 'kubectl describe role reader -n shop' },
      { run: 'kubectl auth reconcile -f role.yaml', files: { 'role.yaml': 'apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: reader, namespace: shop}\nrules:\n- {apiGroups: [""], resources: [secrets], verbs: [get]}\n' } },
      { run: `kubectl create role wide -n shop --verb='*' --resource=secrets ${BEN}` },
    ],
  },
];
