/** OpenAPI v3, one document a group and version: enough for `kubectl explain`, `apply` and server-side validation. */
import { OBJECT_META } from '../builtin/schemas.ts';
import { KUBERNETES_SCHEMAS } from '../builtin/schemas.generated.ts';
import { isObject, type JsonObject, objectAt } from '../json.ts';
import { apiVersionIn, type KindRegistry, type ServedKind } from '../kinds.ts';
import { groupsOf, kindsIn, reviewsIn } from './discovery.ts';

type Named = Pick<ServedKind, 'group' | 'kind' | 'plural' | 'namespaced'>;

const pathOf = (group: string, version: string): string => (group === '' ? `api/${version}` : `apis/${group}/${version}`);

/** Paths below `/openapi/v3`, each with the hash of its document. */
export const openApiIndex = (hashes: ReadonlyMap<string, string>): JsonObject =>
  ({ paths: Object.fromEntries([...hashes].map(([path, hash]) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }])) });

export const openApiPaths = (kinds: KindRegistry): readonly { readonly path: string; readonly group: string; readonly version: string }[] =>
  groupsOf(kinds).flatMap(({ group, versions }) => versions.map((version) => ({ path: pathOf(group, version), group, version })));

/** undefined: no such group and version. */
export function openApiDocument(kinds: KindRegistry, group: string, version: string): JsonObject | undefined {
  const [found, reviews] = [kindsIn(kinds, group, version), reviewsIn(group, version)];
  if (found.length === 0 && reviews.length === 0) return undefined;
  const schemas: JsonObject = {};
  const paths: JsonObject = {};
  include(OBJECT_META, schemas);
  for (const kind of found) {
    const name = schemaName(kind, version);
    if (KUBERNETES_SCHEMAS[name] === undefined) schemas[name] = customSchema(kind, version);
    else include(name, schemas);
    for (const suffix of ['', ...(kind.statusSubresource ? ['/status'] : [])]) paths[itemPath(kind, version) + suffix] = operations(kind, version, name);
    paths[collectionPath(kind, version)] = { post: operation(kind, version, name, 'post', ['dryRun', 'fieldManager', 'fieldValidation']) };
  }
  for (const kind of reviews) {
    const name = schemaName(kind, version);
    include(name, schemas);
    paths[collectionPath(kind, version)] = { post: operation(kind, version, name, 'post', []), parameters: parametersOf(['dryRun', 'fieldManager', 'fieldValidation']) };
  }
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1.36.0' }, paths, components: { schemas } };
}

/** `dev.isthmus.v1alpha1.Cluster`; built-in kinds have the names of their Go types. */
function schemaName(kind: Named, version: string): string {
  const builtIn = Object.entries(KUBERNETES_SCHEMAS).find(([, schema]) => {
    const kinds = (schema as JsonObject)['x-kubernetes-group-version-kind'];
    return Array.isArray(kinds) && (kinds as JsonObject[]).some((each) => each['group'] === kind.group && each['version'] === version && each['kind'] === kind.kind);
  });
  return builtIn?.[0] ?? `${kind.group.split('.').reverse().join('.')}.${version}.${kind.kind}`;
}

/** What every custom kind says of `apiVersion` and `kind`, whatever its definition says, as kube-apiserver. */
const { apiVersion: API_VERSION, kind: KIND } = objectAt(KUBERNETES_SCHEMAS['io.k8s.api.core.v1.ConfigMap'] as JsonObject, 'properties');
const METADATA = "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

function customSchema(kind: ServedKind, version: string): JsonObject {
  return {
    ...kind.schema,
    properties: {
      ...kind.schema.properties,
      apiVersion: API_VERSION, kind: KIND,
      metadata: { description: METADATA, allOf: [{ $ref: `#/components/schemas/${OBJECT_META}` }] },
    },
    'x-kubernetes-group-version-kind': [{ group: kind.group, version, kind: kind.kind }],
  };
}

/** A built-in schema and all that it refers to. */
function include(name: string, into: JsonObject): void {
  const schema = KUBERNETES_SCHEMAS[name];
  if (schema === undefined || Object.hasOwn(into, name)) return;
  into[name] = schema;
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isObject(value)) for (const [key, child] of Object.entries(value)) {
      if (key === '$ref' && typeof child === 'string') include(child.slice(child.lastIndexOf('/') + 1), into);
      else visit(child);
    }
  };
  visit(schema);
}

const collectionPath = (kind: Named, version: string): string =>
  `/${pathOf(kind.group, version)}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.plural}`;
const itemPath = (kind: Named, version: string): string => `${collectionPath(kind, version)}/{name}`;

function operations(kind: ServedKind, version: string, name: string): JsonObject {
  return {
    get: operation(kind, version, name, 'get', []),
    put: operation(kind, version, name, 'put', ['dryRun', 'fieldManager', 'fieldValidation']),
    patch: operation(kind, version, name, 'patch', ['dryRun', 'fieldManager', 'fieldValidation', 'force']),
    delete: operation(kind, version, name, 'delete', ['dryRun', 'propagationPolicy']),
  };
}

function operation(kind: Named, version: string, name: string, action: string, parameters: readonly string[]): JsonObject {
  const schema = { $ref: `#/components/schemas/${name}` };
  return {
    operationId: `${action}${apiVersionIn(kind, version).replace(/[^A-Za-z0-9]+/g, '')}${kind.kind}`,
    parameters: parametersOf(parameters),
    responses: { 200: { description: 'OK', content: { 'application/json': { schema } } } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: kind.group, version, kind: kind.kind },
  };
}

const parametersOf = (names: readonly string[]): JsonObject[] =>
  names.map((name) => ({ name, in: 'query', schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true } }));
