/** Judges writes by the stored ValidatingAdmissionPolicies and their bindings (apiserver `admission/plugin/policy/validating`). */
import type { User } from '../rbac/authority.ts';
import { type JsonObject, objectAt, textAt } from '../json.ts';
import { apiVersionIn } from '../kinds.ts';
import { nameOf, namespaceOf } from '../metadata.ts';
import { ApiProblem } from '../problems.ts';
import { inVersionOf, type Target } from '../target.ts';
import { Evaluation, variablesOf } from './expressions.ts';
import { type Asked, type Labels, matchedVersion, objectsOf, type Operation, textsOf } from './match.ts';

const ADMISSION_GROUP = 'admissionregistration.k8s.io';

/** A write as it would be stored. */
export interface JudgedWrite {
  readonly user: User;
  readonly target: Target;
  /** Empty: the object itself. */
  readonly subresource: string;
  /** In the target's version; undefined: it goes. */
  readonly next: JsonObject | undefined;
  /** As stored; undefined: it is new. */
  readonly live: JsonObject | undefined;
  readonly dryRun: boolean;
}

export interface StoredObjects {
  stored(group: string, plural: string): readonly JsonObject[];
  storedObject(group: string, plural: string, namespace: string, name: string): JsonObject | undefined;
}

interface Failure { readonly message: string; readonly reason: string }

const CODES: Readonly<Record<string, number>> = { Unauthorized: 401, Forbidden: 403, Invalid: 422, RequestEntityTooLarge: 413 };
const LONGEST_MESSAGE = 5 * 1024;

/** Throws where a policy denies; what it warns of goes to `warnings`. By the names of policies and bindings. */
export function judge(objects: StoredObjects, write: JudgedWrite, warnings: string[]): void {
  const { kind } = write.target;
  if (kind.group === ADMISSION_GROUP) return;
  const bindings = objects.stored(ADMISSION_GROUP, 'validatingadmissionpolicybindings');
  if (bindings.length === 0) return;
  const asked = askedBy(objects, write);
  for (const policy of objects.stored(ADMISSION_GROUP, 'validatingadmissionpolicies')) {
    const bound = bindings.filter((binding) => textAt(objectAt(binding, 'spec'), 'policyName') === nameOf(policy));
    if (bound.length === 0) continue;
    const version = matchedVersion(objectAt(objectAt(policy, 'spec'), 'matchConstraints'), asked, false);
    if (version === undefined) continue;
    let failures: readonly Failure[] | undefined;
    for (const binding of bound) {
      const spec = objectAt(binding, 'spec');
      if (matchedVersion(objectAt(spec, 'matchResources'), asked, true) === undefined) continue;
      failures ??= failuresOf(objectAt(policy, 'spec'), evaluation(objects, write, asked, version, policy));
      apply(write, policy, binding, textsOf(spec, 'validationActions'), failures, warnings);
    }
  }
}

function apply({ target: { kind }, next, live }: JudgedWrite, policy: JsonObject, binding: JsonObject, actions: readonly string[], failures: readonly Failure[], warnings: string[]): void {
  const by = `ValidatingAdmissionPolicy '${nameOf(policy)}' with binding '${nameOf(binding)}'`;
  if (actions.includes('Warn')) warnings.push(...failures.map(({ message }) => `Validation failed for ${by}: ${message}`));
  const [first] = failures;
  if (first === undefined || !actions.includes('Deny')) return;
  const name = nameOf(next ?? live ?? {});
  const message = `${by} denied request: ${first.message}`;
  const resource = kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
  throw new ApiProblem(CODES[first.reason] ?? 422, first.reason, `${resource} ${JSON.stringify(name)} is forbidden: ${message}`, { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural }, [{ message }]);
}

const operationOf = ({ next, live }: JudgedWrite): Operation => (next === undefined ? 'DELETE' : live === undefined ? 'CREATE' : 'UPDATE');
const labelsOf = (object: JsonObject): Labels => objectAt(objectAt(object, 'metadata'), 'labels') as Labels;

function askedBy(objects: StoredObjects, write: JudgedWrite): Asked {
  const { target: { kind, version }, subresource, next, live } = write;
  const object = next ?? live ?? {};
  const isNamespace = kind.group === '' && kind.plural === 'namespaces';
  const home = isNamespace ? object : kind.namespaced ? objects.storedObject('', 'namespaces', '', namespaceOf(object)) ?? {} : undefined;
  return {
    kind, version, subresource, operation: operationOf(write), name: nameOf(object),
    namespaceLabels: home === undefined ? undefined : labelsOf(home), labels: [next, live].filter((each) => each !== undefined).map(labelsOf),
  };
}

function evaluation(objects: StoredObjects, write: JudgedWrite, { operation, name }: Asked, version: string, policy: JsonObject): Evaluation {
  const { target, next, live, user, subresource, dryRun } = write;
  const { kind } = target;
  const namespace = kind.group === '' && kind.plural === 'namespaces' ? name : namespaceOf(next ?? live ?? {});
  const seen = (object: JsonObject | undefined): JsonObject | null => (object === undefined ? null : version === target.version ? object : { ...object, apiVersion: apiVersionIn(kind, version) });
  const resource = (of: string): JsonObject => ({ group: kind.group, version: of, resource: kind.plural });
  const kinds = (of: string): JsonObject => ({ group: kind.group, version: of, kind: kind.kind });
  const userInfo = { username: user.name, ...(user.uid === '' ? {} : { uid: user.uid }), ...(user.groups.length === 0 ? {} : { groups: user.groups }), ...(Object.keys(user.extra).length === 0 ? {} : { extra: user.extra }) };
  const below = subresource === '' ? {} : { subResource: subresource, requestSubResource: subresource };
  return new Evaluation({
    object: seen(next), oldObject: seen(live === undefined ? undefined : inVersionOf(target, live)),
    namespaceObject: kind.namespaced ? objects.storedObject('', 'namespaces', '', namespace) ?? null : null,
    request: {
      kind: kinds(version), requestKind: kinds(target.version), resource: resource(version), requestResource: resource(target.version), ...below,
      name, ...(namespace === '' ? {} : { namespace }), operation, userInfo, dryRun, options: {},
    },
  }, variablesOf(objectAt(policy, 'spec')));
}

/** None: it has nothing against it. */
function failuresOf(spec: JsonObject, given: Evaluation): readonly Failure[] {
  const onError = (expression: string, error: Error): readonly Failure[] =>
    (textAt(spec, 'failurePolicy') === 'Ignore' ? [] : [{ message: `expression '${expression}' resulted in error: ${error.message}`, reason: 'Invalid' }]);
  const conditions = objectsOf(spec, 'matchConditions').map((each) => textAt(each, 'expression') ?? '').map((expression) => ({ expression, value: given.of(expression) }));
  // One that does not hold counts for more than one that fails.
  if (conditions.some(({ value }) => value === false)) return [];
  for (const { expression, value } of conditions) if (value instanceof Error) return onError(expression, value);
  return objectsOf(spec, 'validations').flatMap((validation) => {
    const expression = textAt(validation, 'expression') ?? '';
    const value = given.of(expression);
    if (value === true) return [];
    return value instanceof Error ? onError(expression, value) : [{ message: messageOf(validation, expression, given), reason: textAt(validation, 'reason') ?? 'Invalid' }];
  });
}

function messageOf(validation: JsonObject, expression: string, given: Evaluation): string {
  const source = textAt(validation, 'messageExpression');
  const said = source === undefined ? undefined : given.of(source);
  // A message that is none counts as not given.
  if (typeof said === 'string' && said.trim() !== '' && !said.includes('\n') && said.length <= LONGEST_MESSAGE) return said;
  return textAt(validation, 'message') ?? `failed expression: ${expression}`;
}
