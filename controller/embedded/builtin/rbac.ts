/** Roles and bindings (`rbac.authorization.k8s.io/v1`): defaults, rules and columns. Texts of kube-apiserver's `pkg/apis/rbac/validation`. */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { equal, isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import type { Given } from './given.ts';
import { AGE, type ServedKind, type TableColumn } from '../kinds.ts';
import { nameProblem } from '../metadata.ts';
import { fieldForbidden, invalidValue, notSupported, required } from '../problems.ts';
import { RBAC_GROUP } from '../rbac/authority.ts';

const listAt = (object: JsonObject, key: string): readonly unknown[] => {
  const list = member(object, key);
  return Array.isArray(list) ? list : [];
};
const objectsAt = (object: JsonObject, key: string): readonly JsonObject[] => listAt(object, key).filter(isObject);

function checkRole(namespaced: boolean): NonNullable<ServedKind['check']> {
  return (role) => {
    const causes = objectsAt(role, 'rules').flatMap((rule, index) => checkRule(rule, `rules[${index}]`, namespaced));
    const aggregation = member(role, 'aggregationRule');
    if (isObject(aggregation)) {
      causes.push(listAt(aggregation, 'clusterRoleSelectors').length === 0 ? required('aggregationRule.clusterRoleSelectors', 'at least one clusterRoleSelector required if aggregationRule is non-nil')
        : fieldForbidden('aggregationRule', 'this API does not aggregate roles; write the rules themselves'));
    }
    return causes;
  };
}

function checkRule(rule: JsonObject, field: string, namespaced: boolean): StatusCause[] {
  const causes: StatusCause[] = [];
  if (listAt(rule, 'verbs').length === 0) causes.push(required(`${field}.verbs`, 'verbs must contain at least one value'));
  const urls = listAt(rule, 'nonResourceURLs');
  if (urls.length > 0) {
    if (namespaced) causes.push(invalidValue(`${field}.nonResourceURLs`, urls, 'namespaced rules cannot apply to non-resource URLs'));
    if (['apiGroups', 'resources', 'resourceNames'].some((key) => listAt(rule, key).length > 0)) causes.push(invalidValue(`${field}.nonResourceURLs`, urls, 'rules cannot apply to both regular resources and non-resource URLs'));
    return causes;
  }
  if (listAt(rule, 'apiGroups').length === 0) causes.push(required(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  if (listAt(rule, 'resources').length === 0) causes.push(required(`${field}.resources`, 'resource rules must supply at least one resource'));
  return causes;
}

function checkBinding(namespaced: boolean): NonNullable<ServedKind['check']> {
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  return (binding, previous) => {
    const reference = objectAt(binding, 'roleRef');
    const [group, kind, name] = [textAt(reference, 'apiGroup') ?? '', textAt(reference, 'kind') ?? '', textAt(reference, 'name') ?? ''];
    const causes: StatusCause[] = [];
    if (group !== RBAC_GROUP) causes.push(notSupported('roleRef.apiGroup', group, [RBAC_GROUP]));
    if (!kinds.includes(kind)) causes.push(notSupported('roleRef.kind', kind, kinds));
    if (name === '') causes.push(required('roleRef.name'));
    else causes.push(...nameCauses('path', 'roleRef.name', name));
    causes.push(...objectsAt(binding, 'subjects').flatMap((subject, index) => checkSubject(subject, `subjects[${index}]`, namespaced)));
    if (previous !== undefined && !equal(reference, objectAt(previous, 'roleRef'))) causes.push(invalidValue('roleRef', { APIGroup: group, Kind: kind, Name: name }, 'cannot change roleRef'));
    return causes;
  };
}

function nameCauses(rule: ServedKind['nameRule'], field: string, name: string): StatusCause[] {
  const problem = nameProblem(rule, name);
  return problem === undefined ? [] : [invalidValue(field, name, problem)];
}

function checkSubject(subject: JsonObject, field: string, namespaced: boolean): StatusCause[] {
  const [group, name] = [textAt(subject, 'apiGroup') ?? '', textAt(subject, 'name') ?? ''];
  const causes: StatusCause[] = [];
  if (name === '') causes.push(required(`${field}.name`));
  switch (subject['kind']) {
    case 'ServiceAccount':
      if (name !== '') causes.push(...nameCauses('subdomain', `${field}.name`, name));
      if (group !== '') causes.push(notSupported(`${field}.apiGroup`, group, ['']));
      if (!namespaced && (textAt(subject, 'namespace') ?? '') === '') causes.push(required(`${field}.namespace`));
      return causes;
    case 'User': case 'Group':
      if (group !== RBAC_GROUP) causes.push(notSupported(`${field}.apiGroup`, group, [RBAC_GROUP]));
      return causes;
    default:
      return [...causes, notSupported(`${field}.kind`, subject['kind'] ?? '', ['ServiceAccount', 'User', 'Group'])];
  }
}

function defaultBinding(binding: JsonObject): void {
  const reference = objectAt(binding, 'roleRef');
  if ((textAt(reference, 'apiGroup') ?? '') === '') reference['apiGroup'] = RBAC_GROUP;
  for (const subject of objectsAt(binding, 'subjects')) {
    if ((textAt(subject, 'apiGroup') ?? '') !== '') continue;
    if (subject['kind'] === 'User' || subject['kind'] === 'Group') subject['apiGroup'] = RBAC_GROUP;
    else delete subject['apiGroup'];
  }
}

/** As kube-apiserver shows a role without any. */
function defaultRole(role: JsonObject): void {
  if (member(role, 'rules') === undefined) role['rules'] = null;
}

const subjectNames = (kind: string) => (binding: JsonObject): string => objectsAt(binding, 'subjects').filter((subject) => subject['kind'] === kind)
  .map((subject) => (kind === 'ServiceAccount' ? `${textAt(subject, 'namespace') ?? ''}/` : '') + (textAt(subject, 'name') ?? '')).join(', ');
const CREATED: TableColumn = { name: 'Created At', type: 'date', priority: 0, description: 'When it was made.', read: (object) => objectAt(object, 'metadata')['creationTimestamp'] };
const BINDING_COLUMNS: readonly TableColumn[] = [
  { name: 'Role', type: 'string', priority: 0, description: 'What it grants.', read: (binding) => `${textAt(objectAt(binding, 'roleRef'), 'kind') ?? ''}/${textAt(objectAt(binding, 'roleRef'), 'name') ?? ''}` },
  AGE,
  ...(['User', 'Group', 'ServiceAccount'] as const).map((kind): TableColumn => ({ name: `${kind}s`, type: 'string', priority: 1, description: `Each ${kind} that it grants this to.`, read: subjectNames(kind) })),
];

const rbacKind = (kind: string, plural: string, namespaced: boolean, more: Pick<Given, 'columns' | 'check' | 'defaults' | 'nullable'>): Given =>
  ({ group: RBAC_GROUP, kind, plural, namespaced, nameRule: 'path', createsOnUpdate: true, schemaName: `io.k8s.api.rbac.v1.${kind}`, checksRequired: true, ...more });

export const RBAC_KINDS: readonly Given[] = [
  rbacKind('Role', 'roles', true, { columns: [CREATED], check: checkRole(true), defaults: defaultRole, nullable: ['rules'] }),
  rbacKind('ClusterRole', 'clusterroles', false, { columns: [CREATED], check: checkRole(false), defaults: defaultRole, nullable: ['rules'] }),
  rbacKind('RoleBinding', 'rolebindings', true, { columns: BINDING_COLUMNS, check: checkBinding(true), defaults: defaultBinding }),
  rbacKind('ClusterRoleBinding', 'clusterrolebindings', false, { columns: BINDING_COLUMNS, check: checkBinding(false), defaults: defaultBinding }),
];
