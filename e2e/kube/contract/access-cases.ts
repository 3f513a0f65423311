/** Who may do what: anonymous callers, tokens, client certificates, stored roles, reviews, impersonation. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testAuthority } from '../../../controller/adapters/kubernetes/testing/fake-server.ts';
import { eventually } from '../../../controller/demo/eventually.ts';
import { type Answer, type Ask, type ServerSubject, USERS } from './subject.ts';

const NAMESPACE = 'access';
const MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ROLES = `${RBAC}/namespaces/${NAMESPACE}/roles`;
const BINDINGS = `${RBAC}/namespaces/${NAMESPACE}/rolebindings`;
const MERGE = 'application/merge-patch+json';
const [ann, ben] = USERS.map(({ token }) => ({ token })) as [Ask, Ask];
const nobody: Ask = { token: '' };
const AUTHORIZATION = '/apis/authorization.k8s.io/v1';
const AUTHENTICATION = '/apis/authentication.k8s.io/v1';

type Rule = Readonly<Record<string, readonly string[]>>;
const maps = (verbs: readonly string[], more: Rule = {}): Rule => ({ apiGroups: [''], resources: ['configmaps'], verbs, ...more });
const forbidden = (message: string, details: object = {}): object => ({ code: 403, body: { kind: 'Status', status: 'Failure', reason: 'Forbidden', message, details } });

export function accessCases(subject: () => ServerSubject): void {
  const ask = (method: string, path: string, options?: Ask): Promise<Answer> => subject().ask(method, path, options);
  const post = (path: string, body: object, options: Ask = {}): Promise<Answer> => ask('POST', path, { ...options, body });
  const role = (name: string, rules: readonly Rule[], as: Ask = {}): Promise<Answer> => post(ROLES, { metadata: { name }, rules }, as);
  const bind = (name: string, subjects: readonly object[], kind = 'Role', to = name, as: Ask = {}): Promise<Answer> => post(BINDINGS, { metadata: { name }, subjects, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: to } }, as);
  const user = (name: string): object => ({ kind: 'User', name });
  const may = async (as: Ask, resourceAttributes: object): Promise<Answer['body']> => (await post(`${AUTHORIZATION}/selfsubjectaccessreviews`, { spec: { resourceAttributes } }, as)).body.status;
  const isAllowed = (as: Ask, resourceAttributes: object, allowed = true): Promise<unknown> => eventually(`${JSON.stringify(resourceAttributes)} is ${allowed}`, 45_000, async () => (await may(as, resourceAttributes)).allowed === allowed);
  const inMaps = (verb: string, name = ''): object => ({ verb, resource: 'configmaps', namespace: NAMESPACE, name });
  const clusterObjects: string[] = [];
  const ofCluster = async (plural: string, body: { readonly metadata: { readonly name: string } }): Promise<Answer> => {
    clusterObjects.push(`${RBAC}/${plural}/${body.metadata.name}`);
    return await post(`${RBAC}/${plural}`, body);
  };

  describe('access', () => {
    beforeAll(async () => {
      await post('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
      for (const name of ['one', 'two']) await post(MAPS, { metadata: { name } });
    });
    afterAll(async () => { for (const path of clusterObjects) await ask('DELETE', path); });

    test.each(['/healthz', '/livez', '/readyz', '/version'])('anybody reads %s', async (path) => { expect((await ask('GET', path, nobody)).code).toBe(200); });

    test('who shows nothing is anonymous, and may do nothing else', async () => {
      expect(await ask('GET', MAPS, nobody)).toMatchObject(forbidden(`configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" in the namespace "${NAMESPACE}"`, { kind: 'configmaps' }));
      for (const path of ['/api', '/apis', '/openapi/v3', '/nope', '/']) expect(await ask('GET', path, nobody)).toMatchObject({ code: 403, body: { message: `forbidden: User "system:anonymous" cannot get path "${path}"` } });
      expect((await post(`${AUTHORIZATION}/selfsubjectaccessreviews`, { spec: {} }, nobody)).code).toBe(403);
      expect((await ask('GET', '/api', { token: '', headers: { authorization: 'Basic eDp5' } })).code).toBe(403);
    });

    test('a wrong token is refused, also where nobody needs one', async () => {
      for (const path of ['/healthz', '/api', MAPS]) expect(await ask('GET', path, { token: 'guess' })).toMatchObject({ code: 401, body: { kind: 'Status', reason: 'Unauthorized', message: 'Unauthorized', code: 401 } });
    });

    test('whoever is known reads what there is, and who they are', async () => {
      for (const path of ['/api', '/apis', '/api/v1', '/openapi/v3', '/version', '/healthz']) expect([path, (await ask('GET', path, ann)).code]).toEqual([path, 200]);
      expect((await post(`${AUTHENTICATION}/selfsubjectreviews`, {}, ann))).toMatchObject({ code: 201, body: { kind: 'SelfSubjectReview', status: { userInfo: { username: 'ann', uid: 'ann', groups: ['gardeners', 'system:authenticated'] } } } });
      expect((await ask('GET', `${AUTHENTICATION}/selfsubjectreviews`)).code).toBe(405);
    });

    test.each([
      ['GET', `${MAPS}/one`, 'configmaps "one" is forbidden: User "ann" cannot get resource "configmaps" in API group "" in the namespace "access"'],
      ['GET', '/api/v1/configmaps?watch=1', 'configmaps is forbidden: User "ann" cannot watch resource "configmaps" in API group "" at the cluster scope'],
      ['GET', `/api/v1/namespaces/${NAMESPACE}`, 'namespaces "access" is forbidden: User "ann" cannot get resource "namespaces" in API group "" in the namespace "access"'],
      ['DELETE', MAPS, 'configmaps is forbidden: User "ann" cannot deletecollection resource "configmaps" in API group "" in the namespace "access"'],
      ['GET', `${MAPS}?fieldSelector=metadata.name%3Done`, 'configmaps "one" is forbidden: User "ann" cannot list resource "configmaps" in API group "" in the namespace "access"'],
      ['GET', '/apis/nobody.example.com/v1/namespaces/x/things/y/sub', 'things.nobody.example.com "y" is forbidden: User "ann" cannot get resource "things/sub" in API group "nobody.example.com" in the namespace "x"'],
      ['GET', '/metrics', 'forbidden: User "ann" cannot get path "/metrics"'],
    ])('%s %s without a right is refused in these words', async (method, path, message) => { expect(await ask(method, path, ann)).toMatchObject({ code: 403, body: { reason: 'Forbidden', message } }); });

    test('certificates: the common name is the user, the organization a group', async () => {
      const carl = subject().certificateOf('carl', 'weeders');
      const me = await post(`${AUTHENTICATION}/selfsubjectreviews`, {}, { certificate: carl });
      expect(me.body.status.userInfo).toMatchObject({ username: 'carl', groups: ['weeders', 'system:authenticated'], extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^X509SHA256=[0-9a-f]{64}$/) as string] } });
      expect((await ask('GET', `${MAPS}/one`, { certificate: carl })).code).toBe(403);
      expect((await ask('GET', `${MAPS}/one`, { certificate: subject().certificateOf('root', 'system:masters') })).code).toBe(200);
      expect((await post(`${AUTHENTICATION}/selfsubjectreviews`, {}, { certificate: carl, ...ann })).body.status.userInfo.username).toBe('carl');
    });

    test('certificates of another authority, for servers, or out of date, are refused', async () => {
      const stranger = testAuthority('strangers').issue('client', 'root', 'system:masters');
      expect((await ask('GET', '/healthz', { certificate: { certPem: stranger.certificatePem, keyPem: stranger.keyPem } })).code).toBe(401);
      expect((await ask('GET', '/api', { certificate: { certPem: stranger.certificatePem, keyPem: stranger.keyPem }, ...ann })).code).toBe(200);
      const late = subject().certificateOf('root', 'system:masters', { expired: true });
      expect((await ask('GET', MAPS, { certificate: late })).code).toBe(401);
    });

    test('roles grant verbs on resources in their namespace, to users, groups and accounts', async () => {
      await role('reads-maps', [maps(['get', 'list'])]);
      expect(await bind('reads-maps', [user('ann'), { kind: 'Group', name: 'weeders' }, { kind: 'ServiceAccount', name: 'bot', namespace: NAMESPACE }])).toMatchObject({
        code: 201, body: { subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }, { apiGroup: 'rbac.authorization.k8s.io' }, { kind: 'ServiceAccount', name: 'bot', namespace: NAMESPACE }] },
      });
      await isAllowed(ann, inMaps('get'));
      expect((await may(ann, inMaps('get'))).reason).toBe('RBAC: allowed by RoleBinding "reads-maps/access" of Role "reads-maps" to User "ann"');
      expect([(await ask('GET', MAPS, ann)).code, (await ask('GET', `${MAPS}?watch=1`, ann)).code, (await ask('GET', '/api/v1/configmaps', ann)).code]).toEqual([200, 403, 403]);
      expect((await ask('GET', `${MAPS}/one`, { certificate: subject().certificateOf('carl', 'weeders') })).code).toBe(200);
      expect((await ask('GET', `${MAPS}/one`, { headers: { 'impersonate-user': `system:serviceaccount:${NAMESPACE}:bot` } })).code).toBe(200);
      await ask('PATCH', `${BINDINGS}/reads-maps`, { type: MERGE, body: { subjects: null } });
      await isAllowed(ann, inMaps('get'), false);
    });

    test('names, subresources, groups of the cluster, paths', async () => {
      await role('narrow', [maps(['get', 'list', 'update'], { resourceNames: ['one'] }), { apiGroups: [''], resources: ['services/status'], verbs: ['get'] }, { apiGroups: ['apps'], resources: ['*/scale'], verbs: ['*'] }]);
      await bind('narrow', [user('ben')]);
      await isAllowed(ben, inMaps('get', 'one'));
      expect([(await ask('GET', `${MAPS}/one`, ben)).code, (await ask('GET', `${MAPS}/two`, ben)).code, (await ask('GET', MAPS, ben)).code, (await ask('GET', `${MAPS}?fieldSelector=metadata.name%3Done`, ben)).code]).toEqual([200, 403, 403, 200]);
      expect((await may(ben, { verb: 'get', resource: 'services', subresource: 'status', namespace: NAMESPACE })).allowed).toBe(true);
      expect((await may(ben, { verb: 'get', resource: 'services', namespace: NAMESPACE })).allowed).toBe(false);
      expect((await may(ben, { verb: 'patch', group: 'apps', resource: 'deployments', subresource: 'scale', namespace: NAMESPACE })).allowed).toBe(true);
      await ofCluster('clusterroles', { metadata: { name: 'access-paths' }, ...{ rules: [{ nonResourceURLs: ['/nope', '/deep/*'], verbs: ['get'] }, maps(['list'])] } });
      await ofCluster('clusterrolebindings', { metadata: { name: 'access-paths' }, ...{ subjects: [user('ben')], roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'access-paths' } } });
      await eventually('a path is allowed', 45_000, async () => (await ask('GET', '/nope', ben)).code === 404);
      expect([(await ask('GET', '/deep/down', ben)).code, (await ask('GET', '/deeper', ben)).code, (await ask('GET', '/api/v1/configmaps', ben)).code]).toEqual([404, 403, 200]);
    });

    test('a binding to a role that nobody made says so in the refusal', async () => {
      await bind('dangling', [user('ann')], 'Role', 'nowhere');
      await eventually('the reason is told', 45_000, async () => (await ask('GET', MAPS, ann)).body.message?.endsWith('in the namespace "access": RBAC: role.rbac.authorization.k8s.io "nowhere" not found') === true);
      expect(await may(ann, inMaps('get'))).toEqual({ allowed: false, reason: 'RBAC: role.rbac.authorization.k8s.io "nowhere" not found' });
      await ask('DELETE', `${BINDINGS}/dangling`);
    });

    test.each([
      ['a rule without anything', 'roles', { rules: [{}] }, ['rules[0].verbs', 'rules[0].apiGroups', 'rules[0].resources']],
      ['a path in a namespace', 'roles', { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] }, ['rules[0].nonResourceURLs']],
      ['a role of no kind', 'rolebindings', { subjects: [{ kind: 'Robot', name: '' }], roleRef: { kind: 'Other', name: '' } }, ['roleRef.kind', 'roleRef.name', 'subjects[0].name', 'subjects[0].kind']],
      ['wrong groups', 'rolebindings', { subjects: [user('a'), { kind: 'User', name: 'u', apiGroup: 'no' }, { kind: 'ServiceAccount', name: 'S S', namespace: 'x', apiGroup: 'y' }], roleRef: { kind: 'Role', name: 'x', apiGroup: 'q' } }, ['roleRef.apiGroup', 'subjects[1].apiGroup', 'subjects[2].name', 'subjects[2].apiGroup']],
    ])('%s is refused', async (_what, plural, body, fields) => {
      const answer = await post(`${RBAC}/namespaces/${NAMESPACE}/${plural}`, { metadata: { name: 'refused' }, ...body });
      expect([answer.code, answer.body.details.causes.map((cause: { readonly field: string }) => cause.field)]).toEqual([422, fields]);
    });

    test('roles may be named as they like, have no rules, and be written by PUT; a binding keeps its role', async () => {
      expect(await role('system:some/role', [])).toMatchObject({ code: 422 });
      expect(await post(ROLES, { metadata: { name: 'Access:Some Role' } })).toMatchObject({ code: 201, body: { rules: null } });
      expect((await ask('PUT', `${ROLES}/by-put`, { body: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'by-put' }, rules: [maps(['get'])] } })).code).toBe(201);
      await bind('fixed', [], 'Role', 'by-put');
      expect(await ask('PATCH', `${BINDINGS}/fixed`, { type: MERGE, body: { roleRef: { name: 'other' } } })).toMatchObject({
        code: 422, body: { message: 'RoleBinding.rbac.authorization.k8s.io "fixed" is invalid: roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"other"}: cannot change roleRef' },
      });
    });

    test('nobody grants what they do not hold', async () => {
      await role('writes-roles', [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ['create', 'update', 'patch'] }, maps(['get'], { resourceNames: ['one'] })]);
      await bind('writes-roles', [{ kind: 'Group', name: 'gardeners' }]);
      await isAllowed(ann, { verb: 'create', group: 'rbac.authorization.k8s.io', resource: 'roles', namespace: NAMESPACE });
      const told = 'user "ann" (groups=["gardeners" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:';
      expect(await role('too-much', [{ apiGroups: ['', 'apps'], resources: ['secrets'], verbs: ['get', 'list'] }], ann)).toMatchObject(forbidden(
        `roles.rbac.authorization.k8s.io "too-much" is forbidden: ${told}\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}\n{APIGroups:["apps"], Resources:["secrets"], Verbs:["get" "list"]}`, { name: 'too-much', kind: 'roles' }));
      expect((await role('too-wide', [maps(['get'])], ann)).code).toBe(403);
      expect((await role('just-right', [maps(['get'], { resourceNames: ['one'] })], ann)).code).toBe(201);
      expect((await ask('PATCH', `${ROLES}/just-right`, { ...ann, type: MERGE, body: { metadata: { labels: { a: 'b' } } } })).code).toBe(200);
      expect((await ask('PATCH', `${ROLES}/just-right`, { ...ann, type: MERGE, body: { rules: [maps(['*'])] } })).code).toBe(403);
      expect((await ask('PUT', `${ROLES}/put-anew`, { ...ann, body: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'put-anew' }, rules: [maps(['*'])] } })).code).toBe(403);
      expect(await bind('to-admin', [user('ann')], 'ClusterRole', 'cluster-admin', ann)).toMatchObject(forbidden(`rolebindings.rbac.authorization.k8s.io "to-admin" is forbidden: ${told}\n{APIGroups:["*"], Resources:["*"], Verbs:["*"]}\n{NonResourceURLs:["*"], Verbs:["*"]}`));
      expect((await bind('to-nothing', [user('ann')], 'Role', 'nowhere', ann)).code).toBe(404);
      expect((await bind('to-mine', [user('ann')], 'Role', 'just-right', ann)).code).toBe(201);
    });

    test('`escalate` and `bind` lift that', async () => {
      await role('lifted', [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles', 'rolebindings'], verbs: ['create', 'escalate'] }, { apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], resourceNames: ['cluster-admin'], verbs: ['bind'] }]);
      await bind('lifted', [user('dora')]);
      const dora: Ask = { certificate: subject().certificateOf('dora') };
      await isAllowed(dora, { verb: 'escalate', group: 'rbac.authorization.k8s.io', resource: 'roles', namespace: NAMESPACE });
      expect((await role('anything', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], dora)).code).toBe(201);
      expect((await bind('to-paths', [user('dora')], 'ClusterRole', 'access-paths', dora)).code).toBe(403);
      expect((await bind('to-cluster-admin', [user('dora')], 'ClusterRole', 'cluster-admin', dora)).code).toBe(201);
    });

    test('who makes an object by apply or PUT must be allowed to create it', async () => {
      await role('patches', [maps(['patch']), { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['update'] }]);
      await bind('patches', [user('emil')]);
      const emil: Ask = { certificate: subject().certificateOf('emil') };
      await isAllowed(emil, inMaps('patch'));
      const apply = (name: string): Promise<Answer> => ask('PATCH', `${MAPS}/${name}?fieldManager=contract`, { ...emil, type: 'application/apply-patch+yaml', body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } } });
      expect(await apply('three')).toMatchObject(forbidden('configmaps "three" is forbidden: User "emil" cannot create resource "configmaps" in API group "" in the namespace "access"', { name: 'three', kind: 'configmaps' }));
      expect((await apply('one')).code).toBe(200);
      const lease = await ask('PUT', `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/new`, { ...emil, body: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'new' } } });
      expect(lease).toMatchObject({ code: 403, body: { message: 'leases.coordination.k8s.io "new" is forbidden: User "emil" cannot create resource "leases" in API group "coordination.k8s.io" in the namespace "access"' } });
    });
  });

  describe('reviews', () => {
    const spec = (more: object): object => ({ spec: { user: 'ann', ...more } });
    const get = { verb: 'get', resource: 'configmaps', namespace: 'default' };

    test('of others: by name and groups', async () => {
      const path = `${AUTHORIZATION}/subjectaccessreviews`;
      expect(await post(path, spec({ resourceAttributes: get }))).toMatchObject({ code: 201, body: { kind: 'SubjectAccessReview', status: { allowed: false } } });
      expect((await post(path, spec({ groups: ['system:masters'], resourceAttributes: get }))).body.status).toEqual({ allowed: true });
      expect((await post(path, spec({ groups: ['system:authenticated'], nonResourceAttributes: { path: '/apis/x', verb: 'get' } }))).body.status).toEqual({ allowed: true, reason: 'RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to Group "system:authenticated"' });
      expect((await post(path, spec({ resourceAttributes: get }), ann)).code).toBe(403);
    });

    test('of a namespace: only that one', async () => {
      const path = `${AUTHORIZATION}/namespaces/default/localsubjectaccessreviews`;
      const local = (more: object): object => ({ metadata: { namespace: 'default' }, ...spec(more) });
      expect(await post(path, local({ resourceAttributes: get }))).toMatchObject({ code: 201, body: { kind: 'LocalSubjectAccessReview', metadata: { namespace: 'default' }, status: { allowed: false } } });
      expect(await post(path, local({ resourceAttributes: { ...get, namespace: 'other' } }))).toMatchObject({ code: 422, body: { details: { causes: [{ field: 'spec.resourceAttributes.namespace' }] } } });
      expect(await post(path, local({ nonResourceAttributes: { path: '/x', verb: 'get' } }))).toMatchObject({ code: 422, body: { details: { causes: [{ field: 'spec.nonResourceAttributes' }] } } });
    });

    test('must ask one thing, of somebody', async () => {
      const path = `${AUTHORIZATION}/subjectaccessreviews`;
      expect(await post(path, spec({}))).toMatchObject({ code: 422, body: { reason: 'Invalid', details: { causes: [{ field: 'spec.resourceAttributes' }] } } });
      expect(await post(path, spec({ resourceAttributes: get, nonResourceAttributes: { path: '/', verb: 'get' } }))).toMatchObject({ code: 422, body: { details: { causes: [{ field: 'spec.nonResourceAttributes' }] } } });
      expect(await post(path, { spec: { resourceAttributes: get } })).toMatchObject({ code: 422, body: { details: { causes: [{ field: 'spec.user' }] } } });
    });

    test('of rules: what a user may do in a namespace', async () => {
      const path = `${AUTHORIZATION}/selfsubjectrulesreviews`;
      const { code, body } = await post(path, { spec: { namespace: 'default' } }, { certificate: subject().certificateOf('nobody-special') });
      expect([code, body.kind, body.status.incomplete]).toEqual([201, 'SelfSubjectRulesReview', false]);
      expect(body.status.resourceRules).toEqual(expect.arrayContaining([{ verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'] }, { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] }]));
      expect(body.status.resourceRules).toHaveLength(2);
      expect(body.status.nonResourceRules).toHaveLength(2);
      expect(await post(path, { spec: {} }, ann)).toMatchObject({ code: 400, body: { message: 'no namespace on request' } });
    });

    test('of tokens: whose they are', async () => {
      const path = `${AUTHENTICATION}/tokenreviews`;
      expect((await post(path, { spec: { token: USERS[0].token } })).body.status).toEqual({ authenticated: true, user: { username: 'ann', uid: 'ann', groups: ['gardeners', 'system:authenticated'] }, audiences: ['https://kubernetes.default.svc'] });
      for (const body of [{ token: 'guess' }, { token: USERS[0].token, audiences: ['other'] }]) expect((await post(path, { spec: body })).body.status).toEqual({ user: {}, error: 'invalid bearer token' });
      expect(await post(path, { spec: {} })).toMatchObject({ code: 400, body: { reason: 'BadRequest' } });
      expect((await post(path, { spec: { token: USERS[1].token } }, ann)).code).toBe(403);
    });
  });

  describe('impersonation', () => {
    const me = async (headers: Readonly<Record<string, string>>, as: Ask = {}): Promise<Answer> => await post(`${AUTHENTICATION}/selfsubjectreviews`, {}, { ...as, headers });

    test('the administrator acts as anybody', async () => {
      expect((await me({ 'impersonate-user': 'ann', 'impersonate-group': 'g1' })).body.status.userInfo).toEqual({ username: 'ann', groups: ['g1', 'system:authenticated'] });
      expect((await me({ 'impersonate-user': 'system:serviceaccount:default:bot' })).body.status.userInfo).toEqual({ username: 'system:serviceaccount:default:bot', groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'] });
      expect((await me({ 'impersonate-user': 'ann', 'impersonate-uid': '77', 'impersonate-extra-scopes': 'a' })).body.status.userInfo).toMatchObject({ uid: '77', extra: { scopes: ['a'] } });
      expect((await me({ 'impersonate-user': 'system:anonymous' })).code).toBe(403);
      expect((await ask('GET', '/api/v1/secrets', { headers: { 'impersonate-user': 'ann' } })).code).toBe(403);
      expect((await me({ 'impersonate-group': 'g1' })).code).toBe(400);
    });

    test('others need the verb, for the user, each group, uid and extra', async () => {
      expect((await me({ 'impersonate-user': 'ben' }, ann)).code).toBe(403);
      expect((await me({ 'impersonate-user': 'ben' }, nobody)).code).toBe(403);
      const name = 'access-impersonates';
      await ofCluster('clusterroles', { metadata: { name }, ...{ rules: [{ apiGroups: [''], resources: ['users'], verbs: ['impersonate'], resourceNames: ['ben'] }] } });
      await ofCluster('clusterrolebindings', { metadata: { name }, ...{ subjects: [user('fay')], roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name } } });
      const fay: Ask = { certificate: subject().certificateOf('fay') };
      await eventually('fay acts as ben', 45_000, async () => (await me({ 'impersonate-user': 'ben' }, fay)).body.status?.userInfo?.username === 'ben');
      expect(await me({ 'impersonate-user': 'zoe' }, fay)).toMatchObject({ code: 403, body: { message: 'users "zoe" is forbidden: User "fay" cannot impersonate resource "users" in API group "" at the cluster scope' } });
      expect(await me({ 'impersonate-user': 'ben', 'impersonate-group': 'system:masters' }, fay)).toMatchObject({ code: 403, body: { message: 'groups "system:masters" is forbidden: User "fay" cannot impersonate resource "groups" in API group "" at the cluster scope' } });
      expect(await me({ 'impersonate-user': 'ben', 'impersonate-uid': 's' }, fay)).toMatchObject({ code: 403, body: { details: { name: 's', group: 'authentication.k8s.io', kind: 'uids' } } });
      expect(await me({ 'impersonate-user': 'ben', 'impersonate-extra-scopes': 's' }, fay)).toMatchObject({ code: 403, body: { details: { name: 's', group: 'authentication.k8s.io', kind: 'userextras' } } });
    });
  });
}
