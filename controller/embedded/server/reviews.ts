/** "May I?", "who am I?", "may they?" and "who is it?": reviews, of which nothing is stored. Texts of kube-apiserver's `pkg/registry/authorization` and `authentication`. */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { ApiProblem, badRequest, invalidValue } from '../problems.ts';
import { aggregate, type Authority, type User } from '../rbac/authority.ts';
import type { Attributes } from '../rbac/rules.ts';
import type { Authentication } from './authentication.ts';
import type { ResourceRequest } from './request.ts';

interface Asker {
  readonly user: User;
  readonly authority: Authority;
  readonly authentication: Authentication;
  /** RFC 3339. */
  readonly now: string;
}

const AUTHORIZATION = 'authorization.k8s.io';
const AUTHENTICATION = 'authentication.k8s.io';
/** What a token counts for unless a review asks for something else. */
const AUDIENCE = 'https://kubernetes.default.svc';

type Review = (body: JsonObject, asker: Asker, namespace: string) => JsonObject;

const REVIEWS: Readonly<Record<string, Readonly<Record<string, { readonly kind: string; readonly namespaced: boolean; readonly answer: Review }>>>> = {
  [AUTHORIZATION]: {
    selfsubjectaccessreviews: { kind: 'SelfSubjectAccessReview', namespaced: false, answer: (body, { user, authority }) => access(body, user, authority, undefined) },
    subjectaccessreviews: { kind: 'SubjectAccessReview', namespaced: false, answer: (body, { authority }) => access(body, subjectOf(body), authority, undefined) },
    localsubjectaccessreviews: { kind: 'LocalSubjectAccessReview', namespaced: true, answer: (body, { authority }, namespace) => access(body, subjectOf(body), authority, namespace) },
    selfsubjectrulesreviews: { kind: 'SelfSubjectRulesReview', namespaced: false, answer: rules },
  },
  [AUTHENTICATION]: {
    selfsubjectreviews: { kind: 'SelfSubjectReview', namespaced: false, answer: (_body, { user, now }) => ({ metadata: { creationTimestamp: now }, status: { userInfo: userInfo(user) } }) },
    tokenreviews: { kind: 'TokenReview', namespaced: false, answer: token },
  },
};

/** Whether the path is one of these, in its scope. */
export const isReview = ({ group, version, plural, namespace, name, subresource }: ResourceRequest): boolean => {
  const review = version === 'v1' ? REVIEWS[group]?.[plural] : undefined;
  return review !== undefined && name === undefined && subresource === undefined && review.namespaced === (namespace !== undefined);
};

export function review(request: ResourceRequest, body: unknown, asker: Asker): JsonObject {
  const found = REVIEWS[request.group]?.[request.plural];
  if (found === undefined || !isObject(body)) throw badRequest('the body is no JSON object');
  const kind = textAt(body, 'kind');
  if (kind !== undefined && kind !== found.kind) throw badRequest(`the kind in the data (${kind.slice(0, 80)}) does not match the expected kind (${found.kind})`);
  return { kind: found.kind, apiVersion: `${request.group}/v1`, metadata: {}, ...found.answer(body, asker, request.namespace ?? '') };
}

const userInfo = ({ name, uid, groups, extra }: User): JsonObject =>
  ({ username: name, ...(uid === '' ? {} : { uid }), groups, ...(Object.keys(extra).length === 0 ? {} : { extra }) });

function refused(causes: readonly StatusCause[]): ApiProblem {
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  return new ApiProblem(422, 'Invalid', `.${AUTHORIZATION} "" is invalid: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`, { group: AUTHORIZATION }, causes);
}

function subjectOf(body: JsonObject): User {
  const spec = objectAt(body, 'spec');
  const groups = member(spec, 'groups');
  return { name: textAt(spec, 'user') ?? '', uid: textAt(spec, 'uid') ?? '', groups: Array.isArray(groups) ? groups.map(String) : [], extra: {} };
}

function access(body: JsonObject, user: User, authority: Authority, local: string | undefined): JsonObject {
  const spec = objectAt(body, 'spec');
  const [resource, path] = [member(spec, 'resourceAttributes'), member(spec, 'nonResourceAttributes')];
  const causes: StatusCause[] = [];
  const shown = isObject(path) ? { Path: textAt(path, 'path') ?? '', Verb: textAt(path, 'verb') ?? '' } : undefined;
  if (isObject(resource) && shown !== undefined) causes.push(invalidValue('spec.nonResourceAttributes', shown, 'cannot be specified in combination with resourceAttributes'));
  if (!isObject(resource) && shown === undefined) causes.push(invalidValue('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'));
  if (user.name === '' && user.groups.length === 0) causes.push(invalidValue('spec.user', '', 'at least one of user or group must be specified'));
  if (local !== undefined && isObject(resource) && textAt(resource, 'namespace') !== local) causes.push(invalidValue('spec.resourceAttributes.namespace', textAt(resource, 'namespace') ?? '', 'must match metadata.namespace'));
  if (local !== undefined && shown !== undefined) causes.push(invalidValue('spec.nonResourceAttributes', shown, 'disallowed on this kind of request'));
  if (causes.length > 0) throw refused(causes);
  const text = (key: string): string => textAt(objectAt(spec, 'resourceAttributes'), key) ?? '';
  const asked: Attributes = shown !== undefined ? { verb: shown.Verb, path: shown.Path }
    : { verb: text('verb'), group: text('group'), resource: text('resource'), subresource: text('subresource'), namespace: text('namespace'), name: text('name') };
  const { allowed, reason } = authority.decide(user, asked);
  return { metadata: local === undefined ? {} : { namespace: local }, spec, status: { allowed, ...(reason === '' ? {} : { reason }) } };
}

function rules(body: JsonObject, { user, authority }: Asker): JsonObject {
  const namespace = textAt(objectAt(body, 'spec'), 'namespace') ?? '';
  if (namespace === '') throw badRequest('no namespace on request');
  const held = authority.rulesFor(user, namespace);
  const listed = (lists: Readonly<Record<string, readonly string[]>>): JsonObject => Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0));
  return {
    spec: {},
    status: {
      resourceRules: held.rules.filter((rule) => rule.resources.length > 0).map(({ verbs, apiGroups, resources, resourceNames }) => listed({ verbs, apiGroups, resources, resourceNames })),
      nonResourceRules: held.rules.filter((rule) => rule.nonResourceURLs.length > 0).map(({ verbs, nonResourceURLs }) => listed({ verbs, nonResourceURLs })),
      incomplete: false, ...(held.errors.length === 0 ? {} : { evaluationError: aggregate(held.errors) }),
    },
  };
}

function token(body: JsonObject, { authentication }: Asker): JsonObject {
  const spec = objectAt(body, 'spec');
  const given = textAt(spec, 'token') ?? '';
  if (given === '') throw badRequest('token is required for TokenReview in authentication');
  const audiences = member(spec, 'audiences');
  const wanted = Array.isArray(audiences) && audiences.length > 0 ? audiences.map(String) : [AUDIENCE];
  const user = wanted.includes(AUDIENCE) ? authentication.ofToken(given) : undefined;
  return { spec, status: user === undefined ? { user: {}, error: 'invalid bearer token' } : { authenticated: true, user: userInfo(user), audiences: [AUDIENCE] } };
}
