/** Which item of a list, as it was, an item of the list as it is goes back to. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { itemElement } from '../fields/typed.ts';

/** Only items of a list with keys have a past; others are told apart by nothing. */
export function earlierItems(schema: StructuralSchema, earlier: unknown): (item: unknown) => unknown {
  if (!Array.isArray(earlier) || schema['x-kubernetes-list-type'] !== 'map') return () => undefined;
  const byKeys = new Map(earlier.map((item: unknown) => [itemElement(schema, item), item]));
  return (item) => byKeys.get(itemElement(schema, item));
}
