/** Objects seen through their schema: which parts are one value, which lists are maps. The rules are structured-merge-diff's (`typed/`). */
import type { StructuralSchema } from '../../../mesh/api/schema/structural.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { clone, equal, isObject, type JsonObject, member, put } from '../json.ts';
import { childOf, emptySet, type FieldSet } from './field-set.ts';

type Schema = StructuralSchema | undefined;

/** Sub-schema of a member. Where the schema says nothing, objects are maps and lists one value. */
export const memberSchema = (schema: Schema, key: string): Schema =>
  (schema?.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : schema?.additionalProperties);
const isDeclared = (schema: Schema, key: string): boolean => schema?.properties !== undefined && Object.hasOwn(schema.properties, key);

const isMap = (schema: Schema, value: unknown): value is JsonObject => isObject(value) && schema?.['x-kubernetes-map-type'] !== 'atomic';
export const isKeyedList = (schema: Schema, value: unknown): value is unknown[] =>
  Array.isArray(value) && (schema?.['x-kubernetes-list-type'] === 'map' || schema?.['x-kubernetes-list-type'] === 'set');

/** The path element of a list item: its keys, or itself in a set. */
export function itemElement(schema: Schema, item: unknown): string {
  if (schema?.['x-kubernetes-list-type'] !== 'map') return `v:${canonicalJson(item)}`;
  const keys: JsonObject = {};
  for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
    const value = isObject(item) ? member(item, key) : undefined;
    const given = value ?? schema.items?.properties?.[key]?.default;
    if (given !== undefined) keys[key] = given;
  }
  return `k:${canonicalJson(keys)}`;
}

const entriesOf = (schema: Schema, list: readonly unknown[]): Map<string, unknown> => new Map(list.map((item) => [itemElement(schema, item), item]));

/** Every field that `value` names: what an applier owns. */
export function fieldsOf(schema: Schema, value: unknown, into: FieldSet = emptySet()): FieldSet {
  if (isMap(schema, value)) {
    for (const [key, item] of Object.entries(value)) {
      const child = childOf(into, `f:${key}`);
      fieldsOf(memberSchema(schema, key), item, child);
      if (item === null || (isObject(item) && Object.keys(item).length === 0) || !isDeclared(schema, key)) child.member = true;
    }
  } else if (isKeyedList(schema, value)) {
    for (const item of value) {
      const child = childOf(into, itemElement(schema, item));
      fieldsOf(schema?.items, item, child);
      child.member = true;
    }
  } else {
    into.member = true;
  }
  return into;
}

export interface Comparison { readonly added: FieldSet; readonly modified: FieldSet; readonly removed: FieldSet }

/** `undefined` on one side: absent there. */
export function compare(schema: Schema, before: unknown, after: unknown): Comparison {
  const result: Comparison = { added: emptySet(), modified: emptySet(), removed: emptySet() };
  walk(schema, before, after, [], result);
  return result;
}

function walk(schema: Schema, before: unknown, after: unknown, path: readonly string[], result: Comparison): void {
  const shape = after ?? before;
  const mapLike = isMap(schema, shape) && (before === undefined || after === undefined || isObject(before) && isObject(after));
  const listLike = isKeyedList(schema, shape) && (before === undefined || after === undefined || Array.isArray(before) && Array.isArray(after));
  if (mapLike) {
    const left = isObject(before) ? before : {};
    const right = isObject(after) ? after : {};
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      const [a, b] = [member(left, key), member(right, key)];
      if (a !== undefined || b !== undefined) walk(memberSchema(schema, key), a, b, [...path, `f:${key}`], result);
    }
  } else if (listLike) {
    const left = entriesOf(schema, Array.isArray(before) ? before : []);
    const right = entriesOf(schema, Array.isArray(after) ? after : []);
    for (const element of new Set([...left.keys(), ...right.keys()])) walk(schema?.items, left.get(element), right.get(element), [...path, element], result);
  } else if (before !== undefined && after !== undefined && !equal(before, after)) {
    insert(result.modified, path);
  }
  if (before === undefined) insert(result.added, path);
  else if (after === undefined) insert(result.removed, path);
}

function insert(set: FieldSet, path: readonly string[]): void {
  let at = set;
  for (const element of path) at = childOf(at, element);
  at.member = true;
}

/** What an applier's `config` makes of `live`: maps and keyed lists are united, everything else is replaced. */
export function mergeApplied(schema: Schema, live: unknown, config: unknown): unknown {
  if (isMap(schema, config)) {
    const result: JsonObject = isObject(live) ? { ...live } : {};
    for (const [key, value] of Object.entries(config)) put(result, key, mergeApplied(memberSchema(schema, key), isObject(live) ? member(live, key) : undefined, value));
    return result;
  }
  if (isKeyedList(schema, config) && Array.isArray(live)) {
    const wanted = entriesOf(schema, config);
    const merged = live.map((item) => {
      const element = itemElement(schema, item);
      if (!wanted.has(element)) return item;
      const value = wanted.get(element);
      wanted.delete(element);
      return mergeApplied(schema?.items, item, value);
    });
    return [...merged, ...[...wanted.values()].map(clone)];
  }
  return clone(config);
}

/** Without the fields of `remove`, except where `keep` (fields that someone owns) stands at or below them. */
export function removeFields(schema: Schema, value: unknown, remove: FieldSet, keep: FieldSet | undefined): unknown {
  if (isMap(schema, value)) {
    const result: JsonObject = {};
    for (const [key, item] of Object.entries(value)) {
      const kept = removeFromMember(memberSchema(schema, key), item, remove.children.get(`f:${key}`), keep?.children.get(`f:${key}`));
      if (kept !== undefined) put(result, key, kept);
    }
    return result;
  }
  if (isKeyedList(schema, value)) {
    return value.map((item) => {
      const element = itemElement(schema, item);
      return removeFromMember(schema?.items, item, remove.children.get(element), keep?.children.get(element));
    }).filter((item) => item !== undefined);
  }
  return value;
}

function removeFromMember(schema: Schema, item: unknown, remove: FieldSet | undefined, keep: FieldSet | undefined): unknown {
  if (remove === undefined) return item;
  if (remove.member && keep === undefined) return undefined;
  if (keep?.member === true && remove.children.size === 0) return item;
  const rest = removeFields(schema, item, remove, keep);
  // A container that nobody names and that this removal emptied goes too.
  const emptied = isObject(rest) ? Object.keys(rest).length === 0 : Array.isArray(rest) && rest.length === 0;
  return emptied && keep === undefined && remove.children.size > 0 ? undefined : rest;
}
