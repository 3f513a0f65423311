/** `x-kubernetes-validations` in a definition's schema. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { isObject, type JsonObject, objectAt, textAt } from '../json.ts';
import { badRequest, invalidValue, notSupported, required } from '../problems.ts';
import { usesOldSelf } from '../schema/cel.ts';
import { ruleProblem } from '../schema/rule-check.ts';

const RULES = 'x-kubernetes-validations';
const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

export function judgeRules(schema: JsonObject, field: string, isRoot: boolean, causes: StatusCause[]): void {
  const rules = schema[RULES] ?? [];
  if (!Array.isArray(rules)) {
    throw badRequest(`CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: ${field}.${RULES}: must be a list of rules`);
  }
  const self = seenByRules(schema, isRoot);
  rules.forEach((rule: unknown, index) => {
    if (isObject(rule)) judgeRule(rule, self, `${field}.${RULES}[${index}]`, causes);
  });
}

/** Every object has these, whatever its schema says. */
function seenByRules(schema: JsonObject, isRoot: boolean): StructuralSchema {
  if (!isRoot && schema['x-kubernetes-embedded-resource'] !== true) return schema as StructuralSchema;
  return { ...schema, properties: { ...objectAt(schema, 'properties') as StructuralSchema['properties'], apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: {} } };
}

function judgeRule(rule: JsonObject, self: StructuralSchema, field: string, causes: StatusCause[]): void {
  const [text, message, expression] = [textAt(rule, 'rule') ?? '', textAt(rule, 'message') ?? '', textAt(rule, 'messageExpression') ?? ''];
  const optional = rule['optionalOldSelf'] === true;
  if (text.trim() === '') causes.push(required(`${field}.rule`, 'rule is not specified'));
  if (message !== '' && message.trim() === '') causes.push(invalidValue(`${field}.message`, message, 'must be non-empty if specified'));
  else if (message.includes('\n')) causes.push(invalidValue(`${field}.message`, message, 'must not contain line breaks'));
  else if (message === '' && text.trim().includes('\n')) causes.push(required(`${field}.message`, 'message must be specified if rule contains line breaks'));
  if (rule['reason'] !== undefined && !REASONS.includes(rule['reason'] as string)) causes.push(notSupported(`${field}.reason`, rule['reason'], REASONS));
  if (typeof rule['fieldPath'] === 'string' && !isFieldOf(self, rule['fieldPath'])) causes.push(invalidValue(`${field}.fieldPath`, rule['fieldPath'], 'must be a valid path'));
  if (causes.some((cause) => (cause.field ?? '').startsWith(field))) return;
  const problem = ruleProblem(text, self, 'boolean', optional);
  if (problem !== undefined) causes.push(invalidValue(`${field}.rule`, text, problem));
  const problemOfMessage = expression === '' ? undefined : ruleProblem(expression, self, 'string', optional);
  if (problemOfMessage !== undefined) causes.push(invalidValue(`${field}.messageExpression`, expression, problemOfMessage));
  if (rule['optionalOldSelf'] !== undefined && !usesOldSelf(text)) causes.push(invalidValue(`${field}.optionalOldSelf`, rule['optionalOldSelf'], 'may not be set if oldSelf is not used in rule'));
}

/** `.a.b` or `['a']` of an object; no index of a list. */
function isFieldOf(schema: StructuralSchema, path: string): boolean {
  const steps = [...path.matchAll(/\.([A-Za-z_][\w]*)|\['([^']+)'\]/gy)];
  if (steps.length === 0 || steps.map(([text]) => text).join('') !== path) return false;
  let at: StructuralSchema | undefined = schema;
  for (const [, plain, quoted] of steps) at = at?.properties?.[plain ?? quoted ?? ''] ?? at?.additionalProperties;
  return at !== undefined;
}
