/** "May I?", "who am I?", "may they?" and "who is it?": reviews, of which nothing is stored. Texts of kube-apiserver's `pkg/registry/authorization` and `authentication`. */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { AUTHORIZATION, REVIEW_KINDS, type ReviewKind } from '../builtin/review-kinds.ts';
import { clone, isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { ApiProblem, badRequest, invalidValue } from '../problems.ts';
import type { Decoding } from '../requests.ts';
import { dropEmpty } from '../schema/omit-empty.ts';
import { prune } from '../schema/prune.ts';
import { validate } from '../schema/validate.ts';
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

/** What a token counts for unless a review asks for something else. */
const AUDIENCE = 'https://kubernetes.default.svc';

type Review = (body: JsonObject, asker: Asker, namespace: string) => JsonObject;

const ANSWERS: Readonly<Record<string, Review>> = {
  SelfSubjectAccessReview: (body, { user, authority }) => access(body, user, authority, undefined),
  SubjectAccessReview: (body, { authority }) => access(body, subjectOf(body), authority, undefined),
  LocalSubjectAccessReview: (body, { authority }, namespace) => access(body, subjectOf(body), authority, namespace),
  SelfSubjectRulesReview: rules,
  SelfSubjectReview: (_body, { user, now }) => ({ metadata: { creationTimestamp: now }, status: { userInfo: userInfo(user) } }),
  TokenReview: token,
};

/** The kind that the path is of, in its scope. */
export const reviewAt = ({ group, version, plural, namespace, name, subresource }: ResourceRequest): ReviewKind | undefined =>
  REVIEW_KINDS.find((kind) => kind.group === group && kind.version === version && kind.plural === plural && kind.namespaced === (namespace !== undefined) && name === undefined && subresource === undefined);

export function review(kind: ReviewKind, namespace: string | undefined, sent: unknown, decoding: Decoding, asker: Asker): JsonObject {
  const body = decode(kind, sent, decoding);
  const answer = ANSWERS[kind.kind] as Review;
  return { kind: kind.kind, apiVersion: `${kind.group}/${kind.version}`, metadata: {}, ...answer(body, asker, namespace ?? '') };
}

function decode({ group, version, kind, schema }: ReviewKind, sent: unknown, { fieldValidation = 'Warn', warnings = [], duplicates = [] }: Decoding): JsonObject {
  if (!isObject(sent)) throw badRequest('the body is no JSON object');
  const body = clone(sent);
  for (const [key, expected] of [['apiVersion', `${group}/${version}`], ['kind', kind]] as const) {
    const given = textAt(body, key) ?? '';
    if (given !== '' && given !== expected) throw badRequest(`the ${key} in the data (${given.slice(0, 80)}) does not match the expected ${key} (${expected})`);
  }
  const refused = (why: string): ApiProblem => badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`);
  const complaints = [...duplicates, ...prune(schema, body).map((path) => `unknown field ${JSON.stringify(path)}`)];
  dropEmpty(schema, body);
  const untyped = validate(schema, body).find(({ reason }) => reason === 'FieldValueTypeInvalid');
  if (untyped !== undefined) throw refused(`${untyped.field}: ${untyped.message}`);
  if (complaints.length > 0 && fieldValidation === 'Strict') throw refused(`strict decoding error: ${complaints.join(', ')}`);
  if (fieldValidation === 'Warn') warnings.push(...complaints);
  return body;
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
