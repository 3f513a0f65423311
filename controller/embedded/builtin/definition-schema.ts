/** The fields of a CustomResourceDefinition, and readers of them. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { isObject, type JsonObject, member, objectAt } from '../json.ts';

const TEXT: StructuralSchema = { type: 'string' };
const FLAG: StructuralSchema = { type: 'boolean' };
const OPEN: StructuralSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const list = (items: StructuralSchema): StructuralSchema => ({ type: 'array', items });
const object = (properties: Readonly<Record<string, StructuralSchema>>): StructuralSchema => ({ type: 'object', properties });

const NAMES = object({ plural: TEXT, singular: TEXT, kind: TEXT, listKind: TEXT, shortNames: list(TEXT), categories: list(TEXT) });
const VERSION = object({
  name: TEXT, served: FLAG, storage: FLAG, deprecated: FLAG, deprecationWarning: TEXT,
  schema: object({ openAPIV3Schema: OPEN }),
  subresources: object({ status: OPEN, scale: object({ specReplicasPath: TEXT, statusReplicasPath: TEXT, labelSelectorPath: TEXT }) }),
  additionalPrinterColumns: list(object({ name: TEXT, type: TEXT, format: TEXT, description: TEXT, priority: { type: 'integer' }, jsonPath: TEXT })),
  selectableFields: list(object({ jsonPath: TEXT })),
});
const CONDITION = object({ type: TEXT, status: TEXT, lastTransitionTime: TEXT, reason: TEXT, message: TEXT, observedGeneration: { type: 'integer' } });

export const DEFINITION_SCHEMA: StructuralSchema = {
  type: 'object', required: ['spec'],
  properties: {
    spec: object({ group: TEXT, names: NAMES, scope: TEXT, versions: list(VERSION), conversion: object({ strategy: TEXT, webhook: OPEN }), preserveUnknownFields: FLAG }),
    status: object({
      conditions: { ...list(CONDITION), 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] },
      acceptedNames: NAMES, storedVersions: list(TEXT), observedGeneration: { type: 'integer' },
    }),
  },
};

export const versionsOf = (crd: JsonObject): readonly JsonObject[] => {
  const versions = objectAt(crd, 'spec')['versions'];
  return Array.isArray(versions) ? versions.filter(isObject) : [];
};

export const schemaOf = (version: JsonObject): unknown => member(objectAt(version, 'schema'), 'openAPIV3Schema');
