/** CustomResourceDefinitions that are posted: each registers its kind at once. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { customKind, withMetadata } from '../custom-kinds.ts';
import { equal, isObject, type JsonObject, member, objectAt, textAt } from '../json.ts';
import { AGE, METADATA_FIELDS, type ServedKind } from '../kinds.ts';
import { byPriority } from '../version-order.ts';
import { checkDefinition, formatsOf } from './definition-checks.ts';
import { namingStatus } from './definition-names.ts';
import { DEFINITION_SCHEMA, schemaOf, versionsOf } from './definition-schema.ts';
import { dropUnknownKeywords } from './custom-schema.ts';

export const CRDS = { group: 'apiextensions.k8s.io', plural: 'customresourcedefinitions' };

export const crdKind: ServedKind = {
  ...CRDS, versions: ['v1'], storedVersion: 'v1', kind: 'CustomResourceDefinition', singular: 'customresourcedefinition',
  shortNames: ['crd', 'crds'], categories: ['api-extensions'], namespaced: false, builtIn: true,
  description: 'CustomResourceDefinition represents a resource that should be exposed on the API server.',
  schema: withMetadata(DEFINITION_SCHEMA), blank: { spec: { names: {} }, status: { acceptedNames: {} } },
  statusSubresource: true, hasGeneration: true, unconditionalUpdate: false, nameRule: 'subdomain',
  columns: [{ ...AGE, name: 'Created At', type: 'date', read: (object) => objectAt(object, 'metadata')['creationTimestamp'] }],
  fields: METADATA_FIELDS,
  dropUnknown: (object) => versionsOf(object).flatMap((version, index) => dropUnknownKeywords(schemaOf(version), `spec.versions[${index}].schema.openAPIV3Schema`)),
  defaults(object) {
    const spec = objectAt(object, 'spec');
    const names = objectAt(spec, 'names');
    const kind = textAt(names, 'kind');
    if (kind !== undefined) {
      names['singular'] ??= kind.toLowerCase();
      names['listKind'] ??= `${kind}List`;
    }
    if (isObject(object['spec'])) spec['conversion'] ??= { strategy: 'None' };
    if (spec['preserveUnknownFields'] === false) delete spec['preserveUnknownFields'];
    for (const version of versionsOf(object)) {
      version['served'] ??= false;
      version['storage'] ??= false;
    }
  },
  prepare(object, previous, around) {
    const before = previous === undefined ? {} : objectAt(previous, 'status');
    const known = Array.isArray(before['storedVersions']) ? before['storedVersions'].map(String) : [];
    const stored = versionsOf(object).filter((version) => version['storage'] === true).map((version) => String(version['name']));
    object['status'] = { ...namingStatus(object, around.objects(CRDS.group, CRDS.plural), around.now), storedVersions: [...known, ...stored.filter((name) => !known.includes(name))] };
  },
  check: checkDefinition,
};

/** What a CRD says and this API does not do, and what nobody does. */
export function crdRemarks(crd: JsonObject): readonly string[] {
  const versions = versionsOf(crd);
  return [
    ...formatsOf(crd).map((format) => `unrecognized format ${JSON.stringify(format)}`),
    ...(versions.some((version) => member(objectAt(version, 'subresources'), 'scale') !== undefined) ? ['spec.versions[*].subresources.scale: this API serves no scale subresource'] : []),
  ];
}

const selectableOf = (version: JsonObject): string[] => {
  const fields = member(version, 'selectableFields');
  return Array.isArray(fields) ? fields.filter(isObject).flatMap((field) => textAt(field, 'jsonPath') ?? []) : [];
};
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []);

/** The best version that is not deprecated, where it is better than `name`. */
function instead(versions: readonly JsonObject[], name: string, group: string, kind: string): string {
  const [best] = versions.filter((version) => version['served'] !== false && version['deprecated'] !== true).map((version) => String(version['name'])).sort(byPriority);
  return best === undefined || byPriority(best, name) > 0 ? '' : `; use ${group}/${best} ${kind}`;
}

/** The kind as its stored version shows it; undefined: not usable (such a CRD is refused when it is written), or no version is served. */
export function kindOfCrd(crd: JsonObject): ServedKind | undefined {
  const spec = objectAt(crd, 'spec');
  const names = objectAt(spec, 'names');
  const [group, plural, kind] = [textAt(spec, 'group'), textAt(names, 'plural'), textAt(names, 'kind')];
  const versions = versionsOf(crd);
  const stored = versions.find((version) => version['storage'] === true);
  const served = versions.filter((version) => version['served'] !== false).map((version) => String(version['name'])).sort(byPriority);
  if (group === undefined || plural === undefined || kind === undefined || stored === undefined || served.length === 0) return undefined;
  const views = new Map<string, ServedKind>();
  for (const version of [stored, ...versions.filter((each) => each !== stored)]) {
    const name = String(version['name']);
    const schema = objectAt(objectAt(version, 'schema'), 'openAPIV3Schema');
    const columns = member(version, 'additionalPrinterColumns');
    const deprecation = version['deprecated'] === true ? { deprecation: textAt(version, 'deprecationWarning') ?? `${group}/${name} ${kind} is deprecated${instead(versions, name, group, kind)}` } : {};
    const view = customKind({
      group, plural, kind, singular: textAt(names, 'singular') ?? kind.toLowerCase(), versions: served, storedVersion: String(stored['name']), views,
      shortNames: texts(names['shortNames']), categories: texts(names['categories']),
      namespaced: spec['scope'] === 'Namespaced', description: textAt(schema, 'description') ?? kind, ...deprecation,
    }, schema as StructuralSchema, objectAt(version, 'subresources')['status'] !== undefined, Array.isArray(columns) ? columns as [] : [], selectableOf(version));
    // Versions that have the same fields have the same schema, so that nothing is converted between them.
    const first = [...views.values()].find((other) => equal(other.schema, view.schema));
    views.set(name, first === undefined ? view : { ...view, schema: first.schema });
  }
  return views.get(String(stored['name']));
}
