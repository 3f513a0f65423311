/** What a CustomResourceDefinition must say (apiextensions-apiserver `apiextensions/validation/validation.go`). */
import type { StatusCause } from '../../../mesh/ports/kubernetes.ts';
import { equal, isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { invalidValue, notSupported, required } from '../problems.ts';
import { judgeSchema } from './custom-schema.ts';
import { schemaOf, versionsOf } from './definition-schema.ts';
import { isEstablished } from './definition-names.ts';

const SCOPES = ['Cluster', 'Namespaced'];
const LABEL_1035 = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const LABEL_TEXT = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const APPROVAL = 'api-approved.kubernetes.io';

export function checkDefinition(object: JsonObject, previous: JsonObject | undefined): StatusCause[] {
  const spec = objectAt(object, 'spec');
  const name = textAt(objectAt(object, 'metadata'), 'name') ?? '';
  const group = textAt(spec, 'group') ?? '';
  const causes: StatusCause[] = [];
  if (name !== `${textAt(objectAt(spec, 'names'), 'plural') ?? ''}.${group}`) causes.push(invalidValue('metadata.name', name, 'must be spec.names.plural+"."+spec.group'));
  if (group === '') causes.push(required('spec.group'));
  else if (!group.includes('.')) causes.push(invalidValue('spec.group', group, 'should be a domain with at least one dot'));
  const approved = textAt(objectAt(objectAt(object, 'metadata'), 'annotations'), APPROVAL);
  if (/(^|\.)(k8s|kubernetes)\.io$/.test(group) && approved === undefined) causes.push(required(`metadata.annotations[${APPROVAL}]`, `protected groups must have approval annotation ${JSON.stringify(APPROVAL)}, see https://github.com/kubernetes/enhancements/pull/1111`));
  if (textAt(spec, 'scope') === undefined) causes.push(required('spec.scope'));
  else if (!SCOPES.includes(String(spec['scope']))) causes.push(notSupported('spec.scope', spec['scope'], SCOPES));
  if (spec['preserveUnknownFields'] === true) causes.push(invalidValue('spec.preserveUnknownFields', true, 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead'));
  causes.push(...checkNames(objectAt(spec, 'names')), ...checkConversion(objectAt(spec, 'conversion')), ...checkVersions(object), ...(previous === undefined ? [] : checkUnchanged(object, previous)));
  return causes;
}

function checkNames(names: JsonObject): StatusCause[] {
  const causes: StatusCause[] = [];
  for (const key of ['plural', 'singular', 'kind', 'listKind']) {
    const name = textAt(names, key) ?? '';
    if (name === '') causes.push(required(`spec.names.${key}`));
    else if (!LABEL_1035.test(key === 'plural' || key === 'singular' ? name : name.toLowerCase())) causes.push(invalidValue(`spec.names.${key}`, name, key === 'plural' || key === 'singular' ? LABEL_TEXT : `may have mixed case, but should otherwise match: ${LABEL_TEXT}`));
  }
  for (const key of ['shortNames', 'categories']) {
    const list = names[key];
    if (Array.isArray(list)) list.forEach((name, index) => { if (!LABEL_1035.test(String(name))) causes.push(invalidValue(`spec.names.${key}[${index}]`, name, LABEL_TEXT)); });
  }
  if (names['kind'] !== undefined && names['kind'] === names['listKind']) causes.push(invalidValue('spec.names.listKind', names['listKind'], 'kind and listKind may not be the same'));
  return causes;
}

function checkConversion(conversion: JsonObject): StatusCause[] {
  const strategy = textAt(conversion, 'strategy') ?? 'None';
  if (strategy === 'None') return [];
  if (strategy !== 'Webhook') return [notSupported('spec.conversion.strategy', strategy, ['None', 'Webhook'])];
  const webhook = objectAt(conversion, 'webhook');
  const missing = [
    ...(webhook['clientConfig'] === undefined ? [required('spec.conversion.webhookClientConfig', 'required when strategy is set to Webhook')] : []),
    ...(webhook['conversionReviewVersions'] === undefined ? [required('spec.conversion.conversionReviewVersions')] : []),
  ];
  return missing.length > 0 ? missing : [notSupported('spec.conversion.strategy', strategy, ['None'])];
}

/** kube-apiserver keeps what all versions have in common in one place, and names it there. */
function placeOf(versions: readonly JsonObject[], index: number, member: (version: JsonObject) => unknown, common: string, own: string): string {
  return versions.every((version) => equal(member(version), member(versions[0] as JsonObject))) ? common : `spec.versions[${index}].${own}`;
}

function checkVersions(object: JsonObject): StatusCause[] {
  const versions = versionsOf(object);
  const causes: StatusCause[] = [];
  versions.forEach((version, index) => {
    const field = `spec.versions[${index}]`;
    const name = textAt(version, 'name') ?? '';
    if (!LABEL_1035.test(name)) causes.push(invalidValue(`${field}.name`, name, LABEL_TEXT));
    const warning = textAt(version, 'deprecationWarning');
    if (warning === '' || warning !== undefined && version['deprecated'] !== true) causes.push(invalidValue(`${field}.deprecationWarning`, warning, warning === '' ? 'must not be an empty string' : 'can only be set for deprecated versions'));
    const columns = member(version, 'additionalPrinterColumns');
    if (Array.isArray(columns)) causes.push(...checkColumns(columns, placeOf(versions, index, (each) => each['additionalPrinterColumns'], 'spec.additionalPrinterColumns', 'additionalPrinterColumns')));
    const scale = member(objectAt(version, 'subresources'), 'scale');
    const place = placeOf(versions, index, (each) => each['subresources'], 'spec.subresources', 'subresources');
    if (isObject(scale)) for (const key of ['specReplicasPath', 'statusReplicasPath']) if (textAt(scale, key) === undefined) causes.push(required(`${place}.scale.${key}`));
    if (!isObject(schemaOf(version))) causes.push(required(`${field}.schema.openAPIV3Schema`));
    else causes.push(...judgeSchema(schemaOf(version), placeOf(versions, index, schemaOf, 'spec.validation.openAPIV3Schema', 'schema.openAPIV3Schema')).causes);
  });
  const stored = versions.filter((version) => version['storage'] === true);
  const names = versions.map((version) => version['name']);
  if (stored.length !== 1) causes.push(invalidValue('spec.versions', names, 'must have exactly one version marked as storage version'));
  if (new Set(names).size < names.length) causes.push(invalidValue('spec.versions', names, 'must contain unique version names'));
  const kept = objectAt(object, 'status')['storedVersions'];
  const known = Array.isArray(kept) ? kept.map(String) : [];
  if (known.length === 0) causes.push(invalidValue('status.storedVersions', null, 'must have at least one stored version'));
  known.forEach((name, index) => {
    if (!names.includes(name)) causes.push(invalidValue(`status.storedVersions[${index}]`, name, `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`));
  });
  return [...new Map(causes.map((cause) => [`${cause.field} ${cause.message}`, cause])).values()];
}

function checkColumns(columns: readonly unknown[], field: string): StatusCause[] {
  return columns.filter(isObject).flatMap((column, index) => [
    ...(textAt(column, 'name') === undefined ? [required(`${field}[${index}].name`)] : []),
    ...(COLUMN_TYPES.includes(String(column['type'])) ? [] : [invalidValue(`${field}[${index}].type`, column['type'] ?? '', `must be one of ${COLUMN_TYPES.join(',')}`)]),
    ...((textAt(column, 'jsonPath') ?? '').startsWith('.') ? [] : [invalidValue(`${field}[${index}].JSONPath`, column['jsonPath'] ?? '', 'must be a simple json path starting with .')]),
  ]);
}

/** Objects of the kind are there by these. */
function checkUnchanged(object: JsonObject, previous: JsonObject): StatusCause[] {
  const [spec, before] = [objectAt(object, 'spec'), objectAt(previous, 'spec')];
  const fields: readonly (readonly [string, unknown, unknown])[] = [
    ['spec.group', spec['group'], before['group']],
    ...(isEstablished(previous) ? [
      ['spec.scope', spec['scope'], before['scope']] as const,
      ...['kind', 'plural'].map((key) => [`spec.names.${key}`, objectAt(spec, 'names')[key], objectAt(before, 'names')[key]] as const),
    ] : []),
  ];
  return fields.flatMap(([field, value, old]) => (equal(value, old) ? [] : [invalidValue(field, value ?? '', 'field is immutable')]));
}

/** Formats of its schemas that nobody knows. */
export const formatsOf = (crd: JsonObject): readonly string[] =>
  [...new Set(versionsOf(crd).flatMap((version) => [...judgeSchema(schemaOf(version), '').formats]))].sort();
