/** CustomResourceDefinitions that are posted: each registers its kind at once. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { customKind, withMetadata } from '../custom-kinds.ts';
import { isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { METADATA_FIELDS, type ServedKind } from '../kinds.ts';
import { invalidValue, required } from '../problems.ts';

const OPEN: StructuralSchema = { 'x-kubernetes-preserve-unknown-fields': true };

const versionsOf = (crd: JsonObject): readonly JsonObject[] => {
  const versions = objectAt(crd, 'spec')['versions'];
  return Array.isArray(versions) ? versions.filter(isObject) : [];
};

export const crdKind: ServedKind = {
  group: 'apiextensions.k8s.io', versions: ['v1'], kind: 'CustomResourceDefinition', plural: 'customresourcedefinitions', singular: 'customresourcedefinition',
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
    return causes;
  },
};

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
