/** ValidatingAdmissionPolicies and their bindings (`admissionregistration.k8s.io/v1`): defaults, rules and columns. Texts of kube-apiserver's `pkg/apis/admissionregistration/validation`. */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { expressionProblem, type Variable, variablesOf } from '../admission/expressions.ts';
import { objectsOf, selectorText, textsOf } from '../admission/match.ts';
import { isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { AGE, type TableColumn } from '../kinds.ts';
import { parseLabelSelector } from '../label-selector.ts';
import { duplicate, fieldForbidden, invalidValue, notSupported, required } from '../problems.ts';
import { column } from './columns.ts';
import type { Given } from './given.ts';

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
const ACTIONS = ['Audit', 'Deny', 'Warn'];
const NO_PARAMETERS = 'this API evaluates no parameters; write their values into the expressions';

function defaultMatch(owner: JsonObject, key: string): void {
  const match = member(owner, key);
  if (!isObject(match)) return;
  match['matchPolicy'] ??= 'Equivalent';
  match['namespaceSelector'] ??= {};
  match['objectSelector'] ??= {};
  for (const rule of [...objectsOf(match, 'resourceRules'), ...objectsOf(match, 'excludeResourceRules')]) rule['scope'] ??= '*';
}

function defaultPolicy(object: JsonObject): void {
  const spec = member(object, 'spec');
  if (!isObject(spec)) return;
  spec['failurePolicy'] ??= 'Fail';
  defaultMatch(spec, 'matchConstraints');
}

function defaultBinding(object: JsonObject): void {
  const spec = member(object, 'spec');
  if (isObject(spec)) defaultMatch(spec, 'matchResources');
}

function checkPolicy(object: JsonObject): StatusCause[] {
  const spec = objectAt(object, 'spec');
  const causes: StatusCause[] = [];
  const [failure, match, validations] = [textAt(spec, 'failurePolicy') ?? '', member(spec, 'matchConstraints'), objectsOf(spec, 'validations')];
  if (!['Fail', 'Ignore'].includes(failure)) causes.push(notSupported('spec.failurePolicy', failure, ['Fail', 'Ignore']));
  if (member(spec, 'paramKind') !== undefined) causes.push(fieldForbidden('spec.paramKind', NO_PARAMETERS));
  if (!isObject(match)) causes.push(required('spec.matchConstraints'));
  else {
    if (objectsOf(match, 'resourceRules').length === 0) causes.push(required('spec.matchConstraints.resourceRules'));
    causes.push(...checkMatch(match, 'spec.matchConstraints'));
  }
  const variables = variablesOf(spec);
  causes.push(...checkConditions(objectsOf(spec, 'matchConditions')), ...checkVariables(variables));
  if (validations.length === 0 && objectsOf(spec, 'auditAnnotations').length === 0) {
    for (const field of ['spec.validations', 'spec.auditAnnotations']) causes.push(required(field, 'validations or auditAnnotations must contain at least one item'));
  }
  return [...causes, ...validations.flatMap((validation, index) => checkValidation(validation, `spec.validations[${index}]`, variables))];
}

function checkExpression(field: string, expression: string, variables: readonly Variable[], result: 'boolean' | 'string' | undefined): StatusCause[] {
  if (expression.trim() === '') return [required(field)];
  const problem = expressionProblem(expression, variables, result);
  return problem === undefined ? [] : [invalidValue(field, expression, problem)];
}

function checkValidation(validation: JsonObject, field: string, variables: readonly Variable[]): StatusCause[] {
  const [message, messageExpression, reason] = [textAt(validation, 'message'), textAt(validation, 'messageExpression'), textAt(validation, 'reason')];
  return [
    ...checkExpression(`${field}.expression`, textAt(validation, 'expression') ?? '', variables, 'boolean'),
    ...(messageExpression === undefined ? [] : checkExpression(`${field}.messageExpression`, messageExpression, variables, 'string')),
    ...(message?.includes('\n') === true ? [invalidValue(`${field}.message`, message, 'must not contain line breaks')] : []),
    ...(reason === undefined || REASONS.includes(reason) ? [] : [notSupported(`${field}.reason`, reason, REASONS.filter((each) => each !== 'Unauthorized'))]),
  ];
}

function checkConditions(conditions: readonly JsonObject[]): StatusCause[] {
  const names = conditions.map((each) => textAt(each, 'name') ?? '');
  return conditions.flatMap((condition, index) => {
    const field = `spec.matchConditions[${index}]`;
    const name = names[index] as string;
    return [
      ...checkExpression(`${field}.expression`, textAt(condition, 'expression') ?? '', [], 'boolean'),
      ...(name === '' ? [required(`${field}.name`)] : names.indexOf(name) < index ? [duplicate(`${field}.name`, name)] : []),
    ];
  });
}

/** Each may use those before it. */
const checkVariables = (variables: readonly Variable[]): StatusCause[] => variables.flatMap(({ name, expression }, index) => {
  const field = `spec.variables[${index}]`;
  const before = variables.slice(0, index);
  return [
    ...(/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? [] : [name === '' ? required(`${field}.name`, 'name is not specified') : invalidValue(`${field}.name`, name, 'must be a valid CEL identifier')]),
    ...(before.some((each) => each.name === name) ? [duplicate(`${field}.name`, name)] : []),
    ...checkExpression(`${field}.expression`, expression, before, undefined),
  ];
});

function checkMatch(match: JsonObject, field: string): StatusCause[] {
  return [
    ...['namespaceSelector', 'objectSelector'].flatMap((key) => checkSelector(objectAt(match, key), `${field}.${key}`)),
    ...['resourceRules', 'excludeResourceRules'].flatMap((key) => objectsOf(match, key).flatMap((rule, index) => checkRule(rule, `${field}.${key}[${index}]`))),
  ];
}

function checkSelector(selector: JsonObject, field: string): StatusCause[] {
  try {
    parseLabelSelector(selectorText(selector));
    return [];
  } catch (error) {
    return [invalidValue(field, selector, error instanceof Error ? error.message : String(error))];
  }
}

function checkRule(rule: JsonObject, field: string): StatusCause[] {
  const causes: StatusCause[] = [];
  const list = (key: string, all: string, others: string): readonly string[] => {
    const given = textsOf(rule, key);
    if (given.length === 0) causes.push(required(`${field}.${key}`));
    if (given.length > 1 && given.includes(all)) causes.push(invalidValue(`${field}.${key}`, given, `if '${all}' is present, must not specify other ${others}`));
    return given;
  };
  list('operations', '*', 'operations').forEach((operation, index) => { if (!OPERATIONS.includes(operation)) causes.push(notSupported(`${field}.operations[${index}]`, operation, OPERATIONS)); });
  list('apiGroups', '*', 'API groups');
  list('apiVersions', '*', 'API versions');
  list('resources', '*/*', 'resources');
  return causes;
}

function checkBinding(object: JsonObject): StatusCause[] {
  const spec = objectAt(object, 'spec');
  const actions = textsOf(spec, 'validationActions');
  const match = member(spec, 'matchResources');
  return [
    ...((textAt(spec, 'policyName') ?? '') === '' ? [required('spec.policyName')] : []),
    ...(member(spec, 'paramRef') === undefined ? [] : [fieldForbidden('spec.paramRef', NO_PARAMETERS)]),
    ...(isObject(match) ? checkMatch(match, 'spec.matchResources') : []),
    ...(actions.length === 0 ? [required('spec.validationActions', 'at least one validation action is required')] : []),
    ...actions.flatMap((action, index) => (actions.indexOf(action) < index ? [duplicate(`spec.validationActions[${index}]`, action)] : ACTIONS.includes(action) ? [] : [notSupported(`spec.validationActions[${index}]`, action, ACTIONS)])),
    ...(actions.includes('Deny') && actions.includes('Warn')
      ? [invalidValue('spec.validationActions', actions, 'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)')] : []),
  ];
}

const unset = (name: string, description: string): TableColumn => column(name, description, () => '<unset>');
const COMMON = { group: 'admissionregistration.k8s.io', namespaced: false, categories: ['api-extensions'], hasGeneration: true, checksRequired: true } as const;

export const ADMISSION_KINDS: readonly Given[] = [
  {
    ...COMMON, kind: 'ValidatingAdmissionPolicy', plural: 'validatingadmissionpolicies', schemaName: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy',
    statusSubresource: true, defaults: defaultPolicy, check: checkPolicy, prepare: (object) => { object['status'] ??= {}; },
    columns: [
      { ...column('Validations', 'Validations indicates the number of validation rules defined in this configuration', (object) => objectsOf(objectAt(object, 'spec'), 'validations').length), type: 'integer' },
      unset('ParamKind', 'ParamKind specifies the kind of resources used to parameterize this policy'), AGE,
    ],
  },
  {
    ...COMMON, kind: 'ValidatingAdmissionPolicyBinding', plural: 'validatingadmissionpolicybindings', schemaName: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding',
    defaults: defaultBinding, check: checkBinding, blank: { spec: {} },
    columns: [
      column('PolicyName', 'PolicyName indicates the policy definition which the policy binding binded to', (object) => textAt(objectAt(object, 'spec'), 'policyName') ?? ''),
      unset('ParamRef', 'ParamRef indicates the param resource which sets the configuration param'), AGE,
    ],
  },
];
