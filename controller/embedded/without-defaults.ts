/** A kind whose decoding adds nothing: in an apply, ownership is about what was sent, so defaults come after the merge. */
import type { ServedKind } from './kinds.ts';

export function withoutDefaults({ defaults: _defaults, ...kind }: ServedKind): ServedKind {
  return { ...kind, schema: stripDefaults(kind.schema) };
}

/** Made once per schema. */
const stripped = new WeakMap<object, ServedKind['schema']>();

function stripDefaults(schema: ServedKind['schema']): ServedKind['schema'] {
  let result = stripped.get(schema);
  if (result === undefined) {
    const { default: _default, ...rest } = schema;
    result = {
      ...rest,
      ...(schema.properties === undefined ? {} : { properties: Object.fromEntries(Object.entries(schema.properties).map(([key, child]) => [key, stripDefaults(child)])) }),
      ...(schema.items === undefined ? {} : { items: stripDefaults(schema.items) }),
      ...(schema.additionalProperties === undefined ? {} : { additionalProperties: stripDefaults(schema.additionalProperties) }),
    };
    stripped.set(schema, result);
  }
  return result;
}
