/** Why an applied configuration is no value of its schema (structured-merge-diff `typed/validate.go`): shapes and repeated keys; rules come later. */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { isObject } from '../json.ts';
import { childOf, emptySet, pathTexts } from './field-set.ts';
import { isKeyedList, itemElement, memberSchema } from './typed.ts';

const EXPECTED: Readonly<Record<string, (value: unknown) => string | undefined>> = {
  object: (value) => (isObject(value) ? undefined : `expected map, got ${JSON.stringify(value)}`),
  array: (value) => (Array.isArray(value) ? undefined : `expected list, got ${JSON.stringify(value)}`),
  string: (value) => (typeof value === 'string' ? undefined : `expected string, got ${JSON.stringify(value)}`),
  integer: (value) => (typeof value === 'number' ? undefined : `expected numeric (int or float), got ${typeof value}`),
  number: (value) => (typeof value === 'number' ? undefined : `expected numeric (int or float), got ${typeof value}`),
  boolean: (value) => (typeof value === 'boolean' ? undefined : `expected boolean, got ${typeof value}`),
};

export function typeProblems(schema: StructuralSchema | undefined, value: unknown, path = '', problems: string[] = []): string[] {
  if (schema === undefined || value === null || value === undefined) return problems;
  const problem = schema.type === undefined || schema['x-kubernetes-int-or-string'] === true ? undefined : EXPECTED[schema.type]?.(value);
  if (problem !== undefined) problems.push(`${path}: ${problem}`);
  else if (isObject(value)) for (const [key, child] of Object.entries(value)) typeProblems(memberSchema(schema, key), child, `${path}.${key}`, problems);
  else if (Array.isArray(value)) {
    const seen = new Set<string>();
    value.forEach((item, index) => {
      if (isKeyedList(schema, value)) {
        const element = itemElement(schema, item);
        if (seen.has(element)) problems.push(`${path}: duplicate entries for key ${elementText(element)}`);
        seen.add(element);
      }
      typeProblems(schema.items, item, `${path}[${index}]`, problems);
    });
  }
  return problems;
}

function elementText(element: string): string {
  const set = emptySet();
  childOf(set, element).member = true;
  return pathTexts(set)[0] ?? element;
}
