/** Roles and bindings that every server begins with, as kube-apiserver's `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`: short of those for its own components. */
import type { JsonObject } from '../json.ts';
import { MASTERS, RBAC_GROUP } from './authority.ts';

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const HEALTH = ['/healthz', '/livez', '/readyz', '/version', '/version/'];
const VISIBLE = ['configmaps', 'events', 'serviceaccounts', 'services', 'services/status'];
const OTHER_VISIBLE: readonly JsonObject[] = [
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: READ },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: READ },
];
const VIEW: readonly JsonObject[] = [{ apiGroups: [''], resources: [...VISIBLE, 'namespaces', 'namespaces/status'], verbs: READ }, ...OTHER_VISIBLE];
const EDIT: readonly JsonObject[] = [
  ...VIEW,
  { apiGroups: [''], resources: ['secrets'], verbs: [...READ, ...WRITE] },
  { apiGroups: [''], resources: VISIBLE, verbs: WRITE },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: WRITE },
];
const ROLES: Readonly<Record<string, readonly JsonObject[]>> = {
  'cluster-admin': [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }, { nonResourceURLs: ['*'], verbs: ['*'] }],
  'system:discovery': [{ nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version', '/version/'], verbs: ['get'] }],
  'system:basic-user': [
    { apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], verbs: ['create'] },
    { apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'], verbs: ['create'] },
  ],
  'system:public-info-viewer': [{ nonResourceURLs: HEALTH, verbs: ['get'] }],
  view: VIEW,
  edit: EDIT,
  admin: [
    ...EDIT,
    { apiGroups: [RBAC_GROUP], resources: ['roles', 'rolebindings'], verbs: [...READ, ...WRITE] },
    { apiGroups: ['authorization.k8s.io'], resources: ['localsubjectaccessreviews'], verbs: ['create'] },
  ],
};
const BOUND: Readonly<Record<string, readonly string[]>> = {
  'cluster-admin': [MASTERS],
  'system:discovery': ['system:authenticated'],
  'system:basic-user': ['system:authenticated'],
  'system:public-info-viewer': ['system:authenticated', 'system:unauthenticated'],
};

const metadataOf = (name: string): JsonObject => ({ name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' }, annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' } });

export const DEFAULT_ROLES: readonly JsonObject[] = Object.entries(ROLES).map(([name, rules]) => ({ apiVersion: `${RBAC_GROUP}/v1`, kind: 'ClusterRole', metadata: metadataOf(name), rules }));
export const DEFAULT_BINDINGS: readonly JsonObject[] = Object.entries(BOUND).map(([name, groups]) => ({
  apiVersion: `${RBAC_GROUP}/v1`, kind: 'ClusterRoleBinding', metadata: metadataOf(name),
  subjects: groups.map((group) => ({ kind: 'Group', apiGroup: RBAC_GROUP, name: group })), roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name },
}));
