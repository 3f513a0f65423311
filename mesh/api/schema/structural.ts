/** zod → OpenAPI v3 *structural* schema (KEP-2335). CRD YAML and the embedded API enforce the very same result. */
import { z } from 'zod';
import type { ResourceDefinition } from '../resources/define.ts';

export interface ValidationRule {
  /** CEL; `self` is the value, `oldSelf` makes it a transition rule. */
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
  readonly optionalOldSelf?: boolean;
}

export interface StructuralSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly additionalProperties?: StructuralSchema;
  readonly items?: StructuralSchema;
  readonly anyOf?: readonly StructuralSchema[];
  readonly oneOf?: readonly StructuralSchema[];
  readonly allOf?: readonly StructuralSchema[];
  readonly not?: StructuralSchema;
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-patch-merge-key'?: string;
  readonly 'x-kubernetes-patch-strategy'?: string;
}

type Emitted = { [key: string]: unknown };

const COPIED = [
  'type', 'description', 'format', 'nullable', 'default', 'enum', 'pattern', 'minLength', 'maxLength', 'exclusiveMinimum', 'exclusiveMaximum',
  'multipleOf', 'minItems', 'maxItems', 'minProperties', 'maxProperties', 'required',
  'x-kubernetes-validations', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type',
] as const;

/** Throws where the zod type has no structural form (tuple, discriminated union, mixed scalars): such a definition is a mistake in the source. */
function structuralSchema(type: z.ZodType, path = ''): StructuralSchema {
  return structural(z.toJSONSchema(type, { target: 'openapi-3.0', io: 'input', unrepresentable: 'any' }) as Emitted, path);
}

function structural(emitted: Emitted, path: string): StructuralSchema {
  if (emitted['x-kubernetes-preserve-unknown-fields'] === true) {
    return { ...(emitted['type'] === 'object' ? { type: 'object' as const } : {}), 'x-kubernetes-preserve-unknown-fields': true, ...(typeof emitted['description'] === 'string' ? { description: emitted['description'] } : {}) };
  }
  if (emitted['x-kubernetes-int-or-string'] === true) {
    const kept = ['description', 'default', 'minimum', 'maximum', 'pattern', 'maxLength'].flatMap((key) => (emitted[key] === undefined ? [] : [[key, emitted[key]] as const]));
    return { 'x-kubernetes-int-or-string': true, ...Object.fromEntries(kept) };
  }
  const node = literals(emitted, path);
  if (node['type'] === undefined) throw new Error(`schema ${path || 'root'}: has no type; give the zod type a structural form or mark it x-kubernetes-preserve-unknown-fields`);
  const result: Emitted = {};
  for (const key of COPIED) if (node[key] !== undefined) result[key] = node[key];
  // zod's bounds of a safe integer say nothing to a reader and are no rule of ours.
  if (typeof node['minimum'] === 'number' && node['minimum'] > Number.MIN_SAFE_INTEGER) result['minimum'] = node['minimum'];
  if (typeof node['maximum'] === 'number' && node['maximum'] < Number.MAX_SAFE_INTEGER) result['maximum'] = node['maximum'];
  if (node['type'] === 'integer') result['format'] = 'int64';
  if (node['type'] === 'object' && typeof node['properties'] === 'object' && node['properties'] !== null) {
    result['properties'] = Object.fromEntries(Object.entries(node['properties']).map(([name, child]) => [name, structural(child as Emitted, `${path}.${name}`)]));
  }
  if (typeof node['additionalProperties'] === 'object' && node['additionalProperties'] !== null) {
    result['additionalProperties'] = structural(node['additionalProperties'] as Emitted, `${path}.*`);
  }
  if (node['type'] === 'array') {
    if (typeof node['items'] !== 'object' || node['items'] === null || 'anyOf' in node['items'] && Array.isArray((node as { prefixItems?: unknown }).prefixItems)) {
      throw new Error(`schema ${path}: a tuple has no structural form; use an object`);
    }
    result['items'] = structural(node['items'] as Emitted, `${path}[]`);
  }
  return result as StructuralSchema;
}

/** A union of literals becomes one enum; any other union is refused. */
function literals(node: Emitted, path: string): Emitted {
  const union = node['anyOf'] ?? node['oneOf'];
  if (union === undefined) return node['type'] === 'number' && isIntegers(node['enum']) ? { ...node, type: 'integer' } : node;
  const members = union as Emitted[];
  const values = members.flatMap((member) => (Array.isArray(member['enum']) ? (member['enum'] as unknown[]) : []));
  const types = new Set(members.map((member) => member['type']));
  if (!members.every((member) => Array.isArray(member['enum'])) || types.size !== 1) {
    throw new Error(`schema ${path || 'root'}: this union has no structural form; use an enum, an object with optional fields, or mark it x-kubernetes-preserve-unknown-fields`);
  }
  const { anyOf: _anyOf, oneOf: _oneOf, ...rest } = node;
  return { ...rest, type: isIntegers(values) ? 'integer' : members[0]?.['type'], enum: values };
}

const isIntegers = (values: unknown): boolean => Array.isArray(values) && values.length > 0 && values.every((value) => Number.isInteger(value));

/**
 * The whole object of a kind. A spec that may be empty is defaulted to `{}`, so that readers always find one;
 * a spec with required fields or rules is required itself (Kubernetes refuses a default that a rule refuses).
 */
export function objectSchema(definition: ResourceDefinition): StructuralSchema {
  const spec = structuralSchema(definition.spec, '.spec');
  const needsSpec = (spec.required ?? []).length > 0 || spec['x-kubernetes-validations'] !== undefined;
  return {
    type: 'object',
    description: definition.description,
    properties: {
      apiVersion: { type: 'string', description: 'Group and version of this representation.' },
      kind: { type: 'string', description: 'Name of the kind.' },
      metadata: { type: 'object' },
      spec: needsSpec ? spec : { ...spec, default: {} },
      ...(definition.status === undefined ? {} : { status: structuralSchema(definition.status, '.status') }),
    },
    ...(needsSpec ? { required: ['spec'] } : {}),
    ...(definition.validations === undefined ? {} : { 'x-kubernetes-validations': definition.validations }),
  };
}
