/** CustomResourceDefinitions that are posted: each registers its kind at once. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { customKind, withMetadata } from '../custom-kinds.ts';
import { equal, isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { METADATA_FIELDS, type ServedKind } from '../kinds.ts';
import { invalidValue, notSupported, required } from '../problems.ts';
import { judgeSchema } from './custom-schema.ts';

export const CRDS = { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' };

const OPEN: StructuralSchema = { 'x-kubernetes-preserve-unknown-fields': true };

const versionsOf = (crd: JsonObject): readonly JsonObject[] => {
  const versions = objectAt(crd, 'spec')['versions'];
  return Array.isArray(versions) ? versions.filter(isObject) : [];
};

const schemaOf = (version: JsonObject): unknown => member(objectAt(version, 'schema'), 'openAPIV3Schema');
const SCOPES = ['Cluster', 'Namespaced'];

export const crdKind: ServedKind = {
  ...CRDS, versions: ['v1'], kind: 'CustomResourceDefinition', singular: 'customresourcedefinition',
  shortNames: ['crd', 'crds'], categories: ['api-extensions'], namespaced: false, builtIn: true,
  description: 'CustomResourceDefinition represents a resource that should be exposed on the API server.',
  schema: withMetadata({ type: 'object', properties: { spec: { type: 'object', ...OPEN }, status: { type: 'object', ...OPEN } }, required: ['spec'] }),
  statusSubresource: true, hasGeneration: true, unconditionalUpdate: false, nameRule: 'subdomain',
  columns: [{ name: 'Created At', type: 'string', priority: 0, description: 'When it was made.', read: (object) => objectAt(object, 'metadata')['creationTimestamp'] }],
  fields: METADATA_FIELDS,
  prepare(object, previous, around) {
    const spec = objectAt(object, 'spec');
    if (!isObject(object['status'])) object['status'] = {};
    const since = previous === undefined ? around.now : objectAt(previous, 'metadata')['creationTimestamp'];
    const condition = (type: string, reason: string, message: string): JsonObject => ({ type, status: 'True', lastTransitionTime: since, reason, message });
    object['status'] = {
      conditions: [
        condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
        condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ],
      acceptedNames: spec['names'] ?? {},
      storedVersions: versionsOf(object).filter((version) => version['storage'] === true).map((version) => version['name']),
    };
  },
  check(object) {
    const spec = objectAt(object, 'spec');
    const names = objectAt(spec, 'names');
    const name = textAt(objectAt(object, 'metadata'), 'name') ?? '';
    const causes = [];
    for (const key of ['plural', 'kind']) if (textAt(names, key) === undefined) causes.push(required(`spec.names.${key}`));
    if (textAt(spec, 'group') === undefined) causes.push(required('spec.group'));
    const expected = `${textAt(names, 'plural') ?? ''}.${textAt(spec, 'group') ?? ''}`;
    if (name !== expected) causes.push(invalidValue('metadata.name', name, `must be spec.names.plural+"."+spec.group`));
    if (versionsOf(object).filter((version) => version['storage'] === true).length !== 1) causes.push(invalidValue('spec.versions', versionsOf(object).length, 'must have exactly one version marked as storage version'));
    if (!SCOPES.includes(String(spec['scope']))) causes.push(notSupported('spec.scope', spec['scope'] ?? '', SCOPES));
    const strategy = textAt(objectAt(spec, 'conversion'), 'strategy') ?? 'None';
    if (strategy !== 'None') causes.push(notSupported('spec.conversion.strategy', strategy, ['None']));
    versionsOf(object).forEach((version, index) => causes.push(...judgeSchema(schemaOf(version), `spec.versions[${index}].schema.openAPIV3Schema`).causes));
    return causes;
  },
};

/** What a CRD says and this API does not do. */
export function crdRemarks(crd: JsonObject): readonly string[] {
  const versions = versionsOf(crd);
  const stored = versions.find((version) => version['storage'] === true);
  const unenforced = new Set(versions.flatMap((version) => [...judgeSchema(schemaOf(version), '').unenforced]));
  return [
    ...(unenforced.size === 0 ? [] : [`spec.versions[*].schema: not enforced by this API: ${[...unenforced].sort().join(', ')}`]),
    ...(stored !== undefined && versions.some((version) => !equal(schemaOf(version), schemaOf(stored))) ? [`spec.versions: this API serves every version with the schema of the stored one, ${String(stored['name'])}`] : []),
    ...(versions.some((version) => member(objectAt(version, 'subresources'), 'scale') !== undefined) ? ['spec.versions[*].subresources.scale: this API serves no scale subresource'] : []),
    ...(versions.some((version) => member(version, 'selectableFields') !== undefined) ? ['spec.versions[*].selectableFields: this API selects by metadata.name and metadata.namespace only'] : []),
  ];
}

/** undefined: not usable (such a CRD is refused when it is written). */
export function kindOfCrd(crd: JsonObject): ServedKind | undefined {
  const spec = objectAt(crd, 'spec');
  const names = objectAt(spec, 'names');
  const [group, plural, kind] = [textAt(spec, 'group'), textAt(names, 'plural'), textAt(names, 'kind')];
  const versions = versionsOf(crd).filter((version) => version['served'] !== false);
  const stored = versions.find((version) => version['storage'] === true) ?? versions[0];
  if (group === undefined || plural === undefined || kind === undefined || stored === undefined) return undefined;
  const columns = member(stored, 'additionalPrinterColumns');
  const schema = objectAt(objectAt(stored, 'schema'), 'openAPIV3Schema');
  const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []);
  return customKind({
    group, plural, kind, singular: textAt(names, 'singular') ?? kind.toLowerCase(),
    versions: [stored, ...versions.filter((version) => version !== stored)].map((version) => String(version['name'])),
    shortNames: texts(names['shortNames']), categories: texts(names['categories']),
    namespaced: spec['scope'] === 'Namespaced', description: textAt(schema, 'description') ?? kind,
  }, schema as StructuralSchema, objectAt(stored, 'subresources')['status'] !== undefined, Array.isArray(columns) ? columns as [] : []);
}
