/** Field numbers of the messages that kubectl sends in protobuf (`generated.proto` of k8s.io/api and apimachinery); fields that nobody sends are left out. */

export type FieldType = 'text' | 'bytes' | 'integer' | 'boolean' | 'time' | 'int-or-string' | 'text-map' | 'bytes-map' | { readonly message: MessageName } | { readonly list: 'text' | MessageName };
export type MessageName = keyof typeof MESSAGES;
export type Message = Readonly<Record<number, readonly [name: string, type: FieldType]>>;

const metadata = ['metadata', { message: 'ObjectMeta' }] as const;

export const MESSAGES = {
  ObjectMeta: {
    1: ['name', 'text'], 2: ['generateName', 'text'], 3: ['namespace', 'text'], 5: ['uid', 'text'], 6: ['resourceVersion', 'text'], 7: ['generation', 'integer'],
    8: ['creationTimestamp', 'time'], 9: ['deletionTimestamp', 'time'], 11: ['labels', 'text-map'], 12: ['annotations', 'text-map'],
    13: ['ownerReferences', { list: 'OwnerReference' }], 14: ['finalizers', { list: 'text' }],
  },
  OwnerReference: { 1: ['kind', 'text'], 3: ['name', 'text'], 4: ['uid', 'text'], 5: ['apiVersion', 'text'], 6: ['controller', 'boolean'], 7: ['blockOwnerDeletion', 'boolean'] },
  Namespace: { 1: metadata },
  ConfigMap: { 1: metadata, 2: ['data', 'text-map'], 3: ['binaryData', 'bytes-map'], 4: ['immutable', 'boolean'] },
  Secret: { 1: metadata, 2: ['data', 'bytes-map'], 3: ['type', 'text'], 4: ['stringData', 'text-map'], 5: ['immutable', 'boolean'] },
  ServiceAccount: { 1: metadata, 4: ['automountServiceAccountToken', 'boolean'] },
  Service: { 1: metadata, 2: ['spec', { message: 'ServiceSpec' }] },
  ServiceSpec: {
    1: ['ports', { list: 'ServicePort' }], 2: ['selector', 'text-map'], 3: ['clusterIP', 'text'], 4: ['type', 'text'], 5: ['externalIPs', { list: 'text' }],
    7: ['sessionAffinity', 'text'], 10: ['externalName', 'text'], 11: ['externalTrafficPolicy', 'text'], 13: ['publishNotReadyAddresses', 'boolean'],
    17: ['ipFamilyPolicy', 'text'], 18: ['clusterIPs', { list: 'text' }], 19: ['ipFamilies', { list: 'text' }], 22: ['internalTrafficPolicy', 'text'],
  },
  ServicePort: { 1: ['name', 'text'], 2: ['protocol', 'text'], 3: ['port', 'integer'], 4: ['targetPort', 'int-or-string'], 5: ['nodePort', 'integer'], 6: ['appProtocol', 'text'] },
  SelfSubjectAccessReview: { 1: metadata, 2: ['spec', { message: 'SelfSubjectAccessReviewSpec' }] },
  SelfSubjectAccessReviewSpec: { 1: ['resourceAttributes', { message: 'ResourceAttributes' }], 2: ['nonResourceAttributes', { message: 'NonResourceAttributes' }] },
  NonResourceAttributes: { 1: ['path', 'text'], 2: ['verb', 'text'] },
  SelfSubjectRulesReview: { 1: metadata, 2: ['spec', { message: 'SelfSubjectRulesReviewSpec' }] },
  SelfSubjectRulesReviewSpec: { 1: ['namespace', 'text'] },
  ResourceAttributes: { 1: ['namespace', 'text'], 2: ['verb', 'text'], 3: ['group', 'text'], 4: ['version', 'text'], 5: ['resource', 'text'], 6: ['subresource', 'text'], 7: ['name', 'text'] },
  SelfSubjectReview: { 1: metadata },
  Role: { 1: metadata, 2: ['rules', { list: 'PolicyRule' }] },
  ClusterRole: { 1: metadata, 2: ['rules', { list: 'PolicyRule' }], 3: ['aggregationRule', { message: 'AggregationRule' }] },
  PolicyRule: { 1: ['verbs', { list: 'text' }], 2: ['apiGroups', { list: 'text' }], 3: ['resources', { list: 'text' }], 4: ['resourceNames', { list: 'text' }], 5: ['nonResourceURLs', { list: 'text' }] },
  AggregationRule: { 1: ['clusterRoleSelectors', { list: 'LabelSelector' }] },
  LabelSelector: { 1: ['matchLabels', 'text-map'], 2: ['matchExpressions', { list: 'LabelSelectorRequirement' }] },
  LabelSelectorRequirement: { 1: ['key', 'text'], 2: ['operator', 'text'], 3: ['values', { list: 'text' }] },
  RoleBinding: { 1: metadata, 2: ['subjects', { list: 'Subject' }], 3: ['roleRef', { message: 'RoleRef' }] },
  ClusterRoleBinding: { 1: metadata, 2: ['subjects', { list: 'Subject' }], 3: ['roleRef', { message: 'RoleRef' }] },
  Subject: { 1: ['kind', 'text'], 2: ['apiGroup', 'text'], 3: ['name', 'text'], 4: ['namespace', 'text'] },
  RoleRef: { 1: ['apiGroup', 'text'], 2: ['kind', 'text'], 3: ['name', 'text'] },
  DeleteOptions: { 2: ['preconditions', { message: 'Preconditions' }], 3: ['orphanDependents', 'boolean'], 4: ['propagationPolicy', 'text'], 5: ['dryRun', { list: 'text' }] },
  Preconditions: { 1: ['uid', 'text'], 2: ['resourceVersion', 'text'] },
} as const satisfies Record<string, Readonly<Record<number, readonly [string, unknown]>>>;

/** Kinds that may be a whole body. */
export const BODIES: ReadonlySet<string> = new Set([
  'Namespace', 'ConfigMap', 'Secret', 'ServiceAccount', 'Service', 'SelfSubjectAccessReview', 'SelfSubjectReview', 'SelfSubjectRulesReview', 'DeleteOptions',
  'Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding',
]);
