/** ValidatingAdmissionPolicies: which are taken, and what they refuse to whom. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Ask, type ServerSubject, USERS } from './subject.ts';
import { definition, invalid, makeNamespace, refusal, serve, TYPES, warningsOf } from './writing.ts';

const GROUP = 'admission.contract.isthmus.dev';
const NAMESPACE = 'admission';
const API = '/apis/admissionregistration.k8s.io/v1';
const OPEN = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const SCHEMA = { type: 'object', properties: { spec: OPEN, status: OPEN } };
const about = (operations: readonly string[], more: object = {}): object => ({ resourceRules: [{ apiGroups: [GROUP], apiVersions: ['v1'], resources: ['deeds'], operations, ...more }] });
const [ANN, BEN] = USERS;

export function admissionCases(subject: () => ServerSubject): void {
  const deeds = `/apis/${GROUP}/v1/namespaces/${NAMESPACE}/deeds`;
  const deed = (name: string, spec: object, metadata: object = {}): object => ({ apiVersion: `${GROUP}/v1`, kind: 'Deed', metadata: { name, ...metadata }, spec });
  const post = (name: string, spec: object, ask: Ask = {}, query = ''): Promise<Answer> => subject().ask('POST', deeds + query, { body: deed(name, spec), ...ask });
  const policy = (name: string, spec: object, query = ''): Promise<Answer> => subject().ask('POST', `${API}/validatingadmissionpolicies${query}`, { body: { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicy', metadata: { name }, spec } });
  const binding = (name: string, spec: object, query = ''): Promise<Answer> => subject().ask('POST', `${API}/validatingadmissionpolicybindings${query}`, { body: { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicyBinding', metadata: { name }, spec } });
  /** kube-apiserver heeds a policy a moment after it is there. */
  const seen = async (what: string, attempt: () => Promise<boolean>): Promise<void> => {
    for (let tries = 0; tries < 150; tries++) {
      if (await attempt()) return;
      await sleep(100);
    }
    throw new Error(`${what}: not within 15 s`);
  };
  /** Bound as `actions` say; heeded once `probe`, posted as a dry run, is refused or warned of. */
  const install = async (name: string, spec: object, probe: object, actions: readonly string[] = ['Deny'], more: object = {}): Promise<void> => {
    expect((await policy(name, spec)).code).toBe(201);
    expect((await binding(name, { policyName: name, validationActions: actions, ...more })).code).toBe(201);
    await seen(name, async () => {
      const answer = await post(`probe-${name}`, probe, {}, '?dryRun=All');
      return answer.code !== 201 || warningsOf(answer).length > 0;
    });
  };
  const denied = (by: string, message: string, name: string): object => {
    const text = `ValidatingAdmissionPolicy '${by}' with binding '${by}' denied request: ${message}`;
    return {
      kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: `deeds.${GROUP} "${name}" is forbidden: ${text}`, reason: 'Invalid',
      details: { name, group: GROUP, kind: 'deeds', causes: [{ message: text }] }, code: 422,
    };
  };

  describe('admission policies', () => {
    beforeAll(async () => {
      await makeNamespace(subject(), NAMESPACE);
      await serve(subject(), definition(GROUP, 'deeds', 'Deed', [{ name: 'v1', schema: SCHEMA, subresources: { status: {} } }, { name: 'v2', schema: SCHEMA }]), [deeds]);
      const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'contract-deeds' }, rules: [{ apiGroups: [GROUP], resources: ['deeds', 'deeds/status'], verbs: ['*'] }] };
      const bound = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding', metadata: { name: 'contract-deeds' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'contract-deeds' }, subjects: USERS.map(({ name }) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name })) };
      expect((await subject().ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', { body: role })).code).toBe(201);
      expect((await subject().ask('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', { body: bound })).code).toBe(201);
    });

    test('defaults, and what nobody owns', async () => {
      const made = await policy('defaults', { matchConstraints: about(['CREATE']), validations: [{ expression: 'true' }] }, '?fieldManager=contract&dryRun=All');
      expect(made.body.spec).toEqual({
        failurePolicy: 'Fail', validations: [{ expression: 'true' }],
        matchConstraints: { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {}, resourceRules: [{ apiGroups: [GROUP], apiVersions: ['v1'], resources: ['deeds'], operations: ['CREATE'], scope: '*' }] },
      });
      expect(made.body.metadata.generation).toBe(1);
      expect(made.body.status).toEqual({});
      expect(made.body.metadata.managedFields[0].fieldsV1).toEqual({ 'f:spec': { 'f:failurePolicy': {}, 'f:matchConstraints': {}, 'f:validations': {} } });
      const bound = await binding('defaults', { policyName: 'defaults', validationActions: ['Deny'], matchResources: {} }, '?fieldManager=contract&dryRun=All');
      expect(bound.body.spec).toEqual({ policyName: 'defaults', validationActions: ['Deny'], matchResources: { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} } });
      expect(bound.body.metadata.managedFields[0].fieldsV1).toEqual({ 'f:spec': { 'f:matchResources': {}, 'f:policyName': {}, 'f:validationActions': { '.': {}, 'v:"Deny"': {} } } });
    });

    test.each<[string, object, readonly string[]]>([
      ['nothing', {}, ['FieldValueRequired spec.auditAnnotations', 'FieldValueRequired spec.matchConstraints', 'FieldValueRequired spec.validations']],
      ['no rules', { matchConstraints: {}, validations: [{ expression: 'true' }] }, ['FieldValueRequired spec.matchConstraints.resourceRules']],
      ['a syntax error', { matchConstraints: about(['*']), validations: [{ expression: 'object.' }] }, ['FieldValueInvalid spec.validations[0].expression']],
      ['no expression', { matchConstraints: about(['*']), validations: [{ expression: ' ' }] }, ['FieldValueRequired spec.validations[0].expression']],
      ['no truth value', { matchConstraints: about(['*']), validations: [{ expression: '"x"' }] }, ['FieldValueInvalid spec.validations[0].expression']],
      ['anything', { matchConstraints: about(['*']), validations: [{ expression: 'object.spec.ok' }, { expression: 'object.spec["ok"]' }, { expression: 'variables.ok' }], variables: [{ name: 'ok', expression: 'object.spec.ok' }] },
        [0, 1, 2].map((index) => `FieldValueInvalid spec.validations[${index}].expression`)],
      ['a name that nobody gave', { matchConstraints: about(['*']), validations: [{ expression: 'objekt == 1' }] }, ['FieldValueInvalid spec.validations[0].expression']],
      ['a field that requests do not have', { matchConstraints: about(['*']), validations: [{ expression: 'request.userInfo.name == "x"' }] }, ['FieldValueInvalid spec.validations[0].expression']],
      ['a message of two lines', { matchConstraints: about(['*']), validations: [{ expression: 'true', message: 'a\nb' }] }, ['FieldValueInvalid spec.validations[0].message']],
      ['a message that is no text', { matchConstraints: about(['*']), validations: [{ expression: 'true', messageExpression: '1' }] }, ['FieldValueInvalid spec.validations[0].messageExpression']],
      ['an unknown reason', { matchConstraints: about(['*']), validations: [{ expression: 'true', reason: 'Teapot' }] }, ['FieldValueNotSupported spec.validations[0].reason']],
      ['an unknown failure policy', { failurePolicy: 'Maybe', matchConstraints: about(['*']), validations: [{ expression: 'true' }] }, ['FieldValueNotSupported spec.failurePolicy']],
      ['an unknown operation', { matchConstraints: about(['JUMP'], { apiGroups: [] }), validations: [{ expression: 'true' }] }, ['FieldValueNotSupported spec.matchConstraints.resourceRules[0].operations[0]', 'FieldValueRequired spec.matchConstraints.resourceRules[0].apiGroups']],
      ['all and some', { matchConstraints: about(['*', 'CREATE'], { apiGroups: ['*', 'a'], resources: ['*/*', 'deeds'] }), validations: [{ expression: 'true' }] },
        ['apiGroups', 'operations', 'resources'].map((key) => `FieldValueInvalid spec.matchConstraints.resourceRules[0].${key}`)],
      ['variables', { matchConstraints: about(['*']), variables: [{ name: '1a', expression: 'true' }, { name: 'b', expression: 'variables.later' }, { name: 'later', expression: '1' }], validations: [{ expression: 'variables.never' }] },
        ['FieldValueInvalid spec.validations[0].expression', 'FieldValueInvalid spec.variables[0].name', 'FieldValueInvalid spec.variables[1].expression']],
      ['conditions', { matchConstraints: about(['*']), matchConditions: [{ name: '', expression: '' }, { name: 'a', expression: '1' }, { name: 'a', expression: 'true' }], validations: [{ expression: 'true' }] },
        ['FieldValueDuplicate spec.matchConditions[2].name', 'FieldValueInvalid spec.matchConditions[1].expression', 'FieldValueRequired spec.matchConditions[0].expression', 'FieldValueRequired spec.matchConditions[0].name']],
    ])('a policy with %s is refused', async (_what, spec, causes) => {
      expect(refusal(await policy('refused', spec))).toEqual(invalid(...causes));
    });

    test.each<[string, object, readonly string[]]>([
      ['nothing', {}, ['FieldValueRequired spec.policyName', 'FieldValueRequired spec.validationActions']],
      ['Deny and Warn', { policyName: 'p', validationActions: ['Deny', 'Warn'] }, ['FieldValueInvalid spec.validationActions']],
      ['unknown actions', { policyName: 'p', validationActions: ['Deny', 'Deny', 'Explode'] }, ['FieldValueDuplicate spec.validationActions[1]', 'FieldValueNotSupported spec.validationActions[2]']],
    ])('a binding with %s is refused', async (_what, spec, causes) => {
      expect(refusal(await binding('refused', spec))).toEqual(invalid(...causes));
    });

    test('who asks is known to the policy: nobody writes in the name of another, nor of a group that they are not in', async () => {
      await install('names', {
        matchConstraints: about(['CREATE', 'UPDATE']), matchConditions: [{ name: 'signed', expression: 'object != null && has(object.spec.who)' }],
        validations: [
          { expression: 'object.spec.who == request.userInfo.username', messageExpression: '"who is " + object.spec.who + ", and you are " + request.userInfo.username' },
          { expression: '!has(object.spec.groups) || object.spec.groups.all(g, g in request.userInfo.groups)', message: 'not your group', reason: 'Forbidden' },
        ],
      }, { who: 'nobody' });
      expect((await post('of-ann', { who: 'ann', groups: ['gardeners'] }, { token: ANN.token })).code).toBe(201);
      const inTheNameOfBen = await post('of-ben', { who: 'ben' }, { token: ANN.token });
      expect(inTheNameOfBen.body).toEqual(denied('names', 'who is ben, and you are ann', 'of-ben'));
      const claimed = await post('of-ben', { who: 'ben', groups: ['gardeners'] }, { token: BEN.token });
      expect([claimed.code, claimed.body.reason, claimed.body.message]).toEqual([403, 'Forbidden', `deeds.${GROUP} "of-ben" is forbidden: ValidatingAdmissionPolicy 'names' with binding 'names' denied request: not your group`]);
      expect((await post('of-ben', { who: 'ben', groups: ['system:authenticated'] }, { token: BEN.token })).code).toBe(201);
      // The first that does not hold is told.
      expect((await post('both', { who: 'ben', groups: ['nobody'] }, { token: ANN.token })).body.reason).toBe('Invalid');
      // What an apply makes is made, too.
      const applied = await subject().ask('PATCH', `${deeds}/applied?fieldManager=contract`, { type: TYPES.apply, token: ANN.token, body: deed('applied', { who: 'ben' }) });
      expect(applied.body).toEqual(denied('names', 'who is ben, and you are ann', 'applied'));
      const patched = await subject().ask('PATCH', `${deeds}/of-ann`, { type: TYPES.merge, token: BEN.token, body: { spec: { more: 1 } } });
      expect(patched.body).toEqual(denied('names', 'who is ann, and you are ben', 'of-ann'));
      // An object that is there already is refused first.
      expect((await post('of-ann', { who: 'ben' }, { token: ANN.token })).code).toBe(422);
      // The rules are about deeds alone, not about their status.
      expect((await subject().ask('PATCH', `${deeds}/of-ann/status`, { type: TYPES.merge, token: BEN.token, body: { status: { seen: true } } })).code).toBe(200);
      // The administrator is no exception, and whom they speak for counts.
      expect((await post('by-admin', { who: 'ann' })).code).toBe(422);
      expect((await post('by-admin', { who: 'ann' }, { headers: { 'impersonate-user': 'ann' } })).code).toBe(201);
    });

    test('an expression that cannot be evaluated refuses, or does not, as the policy says', async () => {
      await install('strict', { matchConstraints: about(['CREATE']), matchConditions: [{ name: 'asked', expression: 'has(object.spec.strict)' }, { name: 'broken', expression: 'object.spec.strict.deep == 1' }], validations: [{ expression: 'object.spec.missing == 1' }] }, { strict: 1 });
      expect((await post('no-key', { strict: { deep: 1 } }, { token: ANN.token })).body).toEqual(denied('strict', "expression 'object.spec.missing == 1' resulted in error: no such key: missing", 'no-key'));
      expect((await post('no-condition', { strict: {} }, { token: ANN.token })).body).toEqual(denied('strict', "expression 'object.spec.strict.deep == 1' resulted in error: no such key: deep", 'no-condition'));
      expect((await post('not-asked', {}, { token: ANN.token })).code).toBe(201);
      await install('lenient', { failurePolicy: 'Ignore', matchConstraints: about(['CREATE']), matchConditions: [{ name: 'asked', expression: 'has(object.spec.lenient)' }], validations: [{ expression: 'object.spec.missing == 1' }, { expression: 'object.spec.lenient == true' }] }, { lenient: false });
      expect((await post('ignored', { lenient: true }, { token: ANN.token })).code).toBe(201);
      expect((await post('still-refused', { lenient: false }, { token: ANN.token })).body).toEqual(denied('lenient', 'failed expression: object.spec.lenient == true', 'still-refused'));
    });

    test('variables are values that several expressions use, and only those that are used can fail', async () => {
      await install('variables', {
        matchConstraints: about(['CREATE']), matchConditions: [{ name: 'asked', expression: 'has(object.spec.sizes)' }],
        variables: [{ name: 'total', expression: 'object.spec.sizes.sum()' }, { name: 'twice', expression: 'variables.total * 2' }, { name: 'broken', expression: 'object.spec.missing + 1' }],
        validations: [{ expression: 'variables.twice <= 10', messageExpression: '"twice the sum is " + string(variables.twice)' }, { expression: '!has(object.spec.use) || variables.broken == 1' }],
      }, { sizes: [9] });
      expect((await post('small', { sizes: [1, 2] }, { token: ANN.token })).code).toBe(201);
      expect((await post('large', { sizes: [3, 4] }, { token: ANN.token })).body).toEqual(denied('variables', 'twice the sum is 14', 'large'));
      const broken = await post('broken', { sizes: [1], use: true }, { token: ANN.token });
      expect(broken.body).toEqual(denied('variables', `expression '!has(object.spec.use) || variables.broken == 1' resulted in error: composited variable "broken" fails to evaluate: no such key: missing`, 'broken'));
    });

    test('what is there is compared with what comes, and deleting can be refused', async () => {
      await install('kept', {
        matchConstraints: about(['UPDATE', 'DELETE', 'CREATE']), matchConditions: [{ name: 'kept', expression: 'request.name.startsWith("kept-") || request.name == "probe-kept"' }],
        validations: [
          { expression: 'request.operation != "CREATE" || oldObject == null && request.name != "probe-kept"', message: 'new' },
          { expression: 'request.operation != "UPDATE" || oldObject.spec.size <= object.spec.size', messageExpression: '"not below " + string(oldObject.spec.size)' },
          { expression: 'request.operation != "DELETE" || object != null || oldObject.spec.size < 5', message: 'large ones stay' },
          { expression: 'request.resource.resource == "deeds" && request.kind.kind == "Deed" && request.namespace == "admission" && namespaceObject.metadata.name == "admission" && !request.dryRun', message: 'what is asked' },
        ],
      }, {});
      expect((await post('kept-a', { size: 4 }, { token: ANN.token })).code).toBe(201);
      const shrunk = await subject().ask('PATCH', `${deeds}/kept-a`, { type: TYPES.merge, token: ANN.token, body: { spec: { size: 3 } } });
      expect(shrunk.body).toEqual(denied('kept', 'not below 4', 'kept-a'));
      expect((await subject().ask('PATCH', `${deeds}/kept-a`, { type: TYPES.merge, token: ANN.token, body: { spec: { size: 5 } } })).code).toBe(200);
      expect((await subject().ask('DELETE', `${deeds}/kept-a`, { token: ANN.token })).body).toEqual(denied('kept', 'large ones stay', 'kept-a'));
      expect((await subject().ask('DELETE', `${deeds}?fieldSelector=metadata.name=kept-a`, { token: ANN.token })).code).toBe(422);
      expect((await subject().ask('GET', `${deeds}/kept-a`)).code).toBe(200);
      expect((await post('kept-b', { size: 1 }, { token: ANN.token })).code).toBe(201);
      expect((await subject().ask('DELETE', `${deeds}/kept-b?dryRun=All`, { token: ANN.token })).body).toEqual(denied('kept', 'what is asked', 'kept-b'));
      expect((await subject().ask('DELETE', `${deeds}/kept-b`, { token: ANN.token })).code).toBe(200);
    });

    test('a binding that warns lets pass and says why', async () => {
      await install('loud', { matchConstraints: about(['CREATE']), validations: [{ expression: '!has(object.spec.loud)', message: 'not so loud' }, { expression: '!has(object.spec.loud) || object.spec.loud < 5', message: 'too loud' }] }, { loud: 1 }, ['Warn', 'Audit']);
      const warned = await post('warned', { loud: 9 }, { token: ANN.token });
      expect(warned.code).toBe(201);
      expect(warningsOf(warned)).toEqual(['not so loud', 'too loud'].map((text) => `Validation failed for ValidatingAdmissionPolicy 'loud' with binding 'loud': ${text}`));
    });

    test('rules name groups, versions, resources and subresources, with stars; selectors, exclusions and bindings narrow them', async () => {
      const refuse = (spec: object): object => ({ validations: [{ expression: 'false', message: 'no' }], ...spec });
      expect((await policy('stars', refuse({ matchConstraints: { ...about(['*'], { apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }), objectSelector: { matchExpressions: [{ key: 'stars', operator: 'In', values: ['yes'] }] }, excludeResourceRules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['*'] }] } }))).code).toBe(201);
      expect((await binding('stars', { policyName: 'stars', validationActions: ['Deny'] })).code).toBe(201);
      const starred = (name: string): Promise<Answer> => subject().ask('POST', deeds, { token: ANN.token, body: deed(name, {}, { labels: { stars: 'yes' } }) });
      await seen('stars', async () => (await starred('starred')).code === 422);
      expect((await post('no-stars', {}, { token: ANN.token })).code).toBe(201);
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'starred', labels: { stars: 'yes' } } };
      expect((await subject().ask('POST', `/api/v1/namespaces/${NAMESPACE}/secrets`, { body: secret })).code).toBe(422);
      expect((await subject().ask('POST', `/api/v1/namespaces/${NAMESPACE}/configmaps`, { body: { ...secret, kind: 'ConfigMap' } })).code).toBe(201);
      // A star is no subresource.
      expect((await subject().ask('PATCH', `${deeds}/no-stars/status`, { type: TYPES.merge, body: { status: { a: 1 } } })).code).toBe(200);
      expect((await subject().ask('PATCH', `${deeds}/no-stars`, { type: TYPES.merge, token: ANN.token, body: { metadata: { labels: { stars: 'yes' } } } })).code).toBe(422);
      await subject().ask('DELETE', `${API}/validatingadmissionpolicies/stars`);

      expect((await policy('status', refuse({ matchConstraints: about(['UPDATE'], { resources: ['deeds/status'] }), matchConditions: [{ name: 'held', expression: 'object.metadata.name == "held"' }] }))).code).toBe(201);
      expect((await binding('status', { policyName: 'status', validationActions: ['Deny'] })).code).toBe(201);
      expect((await post('held', {}, { token: ANN.token })).code).toBe(201);
      await seen('status', async () => (await subject().ask('PATCH', `${deeds}/held/status`, { type: TYPES.merge, body: { status: { at: Date.now() } } })).code === 422);
      expect((await subject().ask('PATCH', `${deeds}/held`, { type: TYPES.merge, token: ANN.token, body: { spec: { a: 1 } } })).code).toBe(200);

      // Another version of the same kind is meant, too, unless the policy says otherwise.
      const inV2 = (name: string, spec: object): Promise<Answer> => subject().ask('POST', `/apis/${GROUP}/v2/namespaces/${NAMESPACE}/deeds`, { token: ANN.token, body: { ...deed(name, spec), apiVersion: `${GROUP}/v2` } });
      await install('versions', refuse({ matchConstraints: about(['CREATE']), matchConditions: [{ name: 'asked', expression: 'has(object.spec.versions)' }], validations: [{ expression: 'false', messageExpression: 'object.apiVersion + " " + request.resource.version + " " + request.requestResource.version' }] }), { versions: 1 });
      expect((await inV2('second', { versions: 1 })).body.message).toContain(`denied request: ${GROUP}/v1 v1 v2`);
      await install('exactly', refuse({ matchConstraints: { ...about(['CREATE']), matchPolicy: 'Exact' }, matchConditions: [{ name: 'asked', expression: 'has(object.spec.exactly)' }] }), { exactly: 1 });
      expect((await inV2('third', { exactly: 1 })).code).toBe(201);

      // By the namespace, and by what the binding says.
      await makeNamespace(subject(), 'admission-other');
      const elsewhere = (name: string, spec: object): Promise<Answer> => subject().ask('POST', `/apis/${GROUP}/v1/namespaces/admission-other/deeds`, { token: ANN.token, body: deed(name, spec) });
      await install('here', refuse({ matchConstraints: { ...about(['CREATE']), namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': NAMESPACE } } }, matchConditions: [{ name: 'asked', expression: 'has(object.spec.here)' }] }), { here: 1 });
      expect((await elsewhere('elsewhere', { here: 1 })).code).toBe(201);
      await install('bound', refuse({ matchConstraints: about(['CREATE']), matchConditions: [{ name: 'asked', expression: 'has(object.spec.bound)' }] }), { bound: 1 }, ['Deny'], { matchResources: { namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['admission-other'] }] } } });
      expect((await elsewhere('unbound', { bound: 1 })).code).toBe(201);
      expect((await post('bound', { bound: 1 }, { token: ANN.token })).code).toBe(422);
    });

    test('a policy that goes, or loses its binding, refuses no more', async () => {
      await install('passing', { matchConstraints: about(['CREATE']), matchConditions: [{ name: 'asked', expression: 'has(object.spec.passing)' }], validations: [{ expression: 'false' }] }, { passing: 1 });
      const gone = async (name: string): Promise<void> => seen(`${name} is heeded no more`, async () => (await post(name, { passing: 1 }, { token: ANN.token }, '?dryRun=All')).code === 201);
      expect((await subject().ask('DELETE', `${API}/validatingadmissionpolicybindings/passing`)).code).toBe(200);
      await gone('unbound-now');
      expect((await binding('passing', { policyName: 'passing', validationActions: ['Deny'] })).code).toBe(201);
      await seen('passing', async () => (await post('again', { passing: 1 }, { token: ANN.token }, '?dryRun=All')).code === 422);
      const changed = await subject().ask('PATCH', `${API}/validatingadmissionpolicies/passing?fieldManager=contract`, { type: TYPES.merge, body: { spec: { validations: [{ expression: 'true' }] } } });
      expect([changed.code, changed.body.metadata.generation]).toEqual([200, 2]);
      await gone('changed');
    });

    test('tables', async () => {
      const rows = async (plural: string, name: string): Promise<unknown> => (await subject().ask('GET', `${API}/${plural}?fieldSelector=metadata.name=${name}`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })).body.rows.map(({ cells }: { cells: unknown[] }) => cells.slice(0, 3));
      expect(await rows('validatingadmissionpolicies', 'names')).toEqual([['names', 2, '<unset>']]);
      expect(await rows('validatingadmissionpolicybindings', 'names')).toEqual([['names', 'names', '<unset>']]);
    });
  });
}
