import { expect, test } from 'vitest';
import type { EmbeddedApi } from './api.ts';
import type { JsonObject } from './json.ts';
import { me, start } from './testing/api.ts';

const COUNT = 300;
const name = (index: number): string => `object-${String(index).padStart(3, '0')}`;

interface Place {
  readonly api: EmbeddedApi;
  /** Slices that wait for their turn. */
  readonly waiting: (() => boolean)[];
  make(index: number, finalizers?: readonly string[]): void;
  left(): readonly JsonObject[];
  end(): void;
  isThere(): boolean;
}

const THINGS = { group: 'example.com', plural: 'things' };

function namespace(): Place {
  const { api } = start();
  const waiting: (() => boolean)[] = [];
  api.workLater((slice) => { waiting.push(slice); });
  const [maps, namespaces] = [api.target('', 'v1', 'configmaps'), api.target('', 'v1', 'namespaces')];
  return {
    api, waiting,
    make: (index, finalizers = []) => { api.create(maps, 'shop', { metadata: { name: name(index), finalizers } }, me); },
    left: () => api.stored('', 'configmaps'),
    end: () => { api.delete(namespaces, undefined, 'shop', {}); },
    isThere: () => api.storedObject('', 'namespaces', '', 'shop') !== undefined,
  };
}

function definition(): Place {
  const { api } = start();
  const waiting: (() => boolean)[] = [];
  api.workLater((slice) => { waiting.push(slice); });
  const definitions = api.target('apiextensions.k8s.io', 'v1', 'customresourcedefinitions');
  api.create(definitions, undefined, {
    metadata: { name: 'things.example.com' },
    spec: { group: 'example.com', scope: 'Cluster', names: { plural: 'things', kind: 'Thing' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }] },
  }, me);
  return {
    api, waiting,
    make: (index, finalizers = []) => { api.create(api.target('example.com', 'v1', 'things'), undefined, { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: name(index), finalizers } }, me); },
    left: () => api.stored(THINGS.group, THINGS.plural),
    end: () => { api.delete(definitions, undefined, 'things.example.com', {}); },
    isThere: () => api.storedObject('apiextensions.k8s.io', 'customresourcedefinitions', '', 'things.example.com') !== undefined,
  };
}

test.each([['a namespace', namespace], ['a definition', definition]])('%s with many objects is emptied in slices', (_, begin) => {
  const place = begin();
  for (let index = 0; index < COUNT; index += 1) place.make(index);
  place.end();
  expect([place.left().length, place.isThere(), place.waiting.length]).toEqual([COUNT - 128, true, 1]);
  // Ending it once more begins nothing anew.
  place.end();
  expect([place.left().length, place.waiting.length]).toEqual([COUNT - 128, 1]);
  const slice = place.waiting[0]!;
  expect([slice(), place.left().length, place.isThere()]).toEqual([true, COUNT - 256, true]);
  expect([slice(), place.left().length, place.isThere()]).toEqual([false, 0, false]);
  expect(slice()).toBe(false);
});

test.each([['a namespace', namespace], ['a definition', definition]])('%s with few objects goes at once', (_, begin) => {
  const place = begin();
  for (let index = 0; index < 100; index += 1) place.make(index);
  place.end();
  expect([place.left().length, place.isThere(), place.waiting.length]).toEqual([0, false, 0]);
});

test('a slice that could not be kept is done again', () => {
  const place = namespace();
  for (let index = 0; index < COUNT; index += 1) place.make(index);
  place.end();
  const slice = place.waiting[0]!;
  expect(() => place.api.together(() => {
    slice();
    slice();
    throw new Error('the disk is full');
  })).toThrow('the disk is full');
  expect([place.left().length, place.isThere()]).toEqual([COUNT - 128, true]);
  expect([slice(), slice(), place.left().length, place.isThere()]).toEqual([true, false, 0, false]);
});

test('where the deletion itself was taken back, nothing goes on', () => {
  const place = namespace();
  for (let index = 0; index < COUNT; index += 1) place.make(index);
  expect(() => place.api.together(() => {
    place.end();
    throw new Error('the disk is full');
  })).toThrow('the disk is full');
  expect([place.waiting[0]!(), place.left().length]).toEqual([false, COUNT]);
  place.end();
  expect([place.left().length, place.waiting.length]).toEqual([COUNT - 128, 2]);
});

test('what finalizers hold is marked, and the namespace says so and waits for it', () => {
  const place = namespace();
  for (let index = 0; index < COUNT; index += 1) place.make(index, index % 2 === 0 ? ['example.com/hold'] : []);
  place.end();
  while (place.waiting[0]!());
  expect(place.left()).toHaveLength(COUNT / 2);
  expect(place.left().every(({ metadata }) => (metadata as JsonObject)['deletionTimestamp'] !== undefined)).toBe(true);
  const { status } = place.api.storedObject('', 'namespaces', '', 'shop') as { status: { conditions: { type: string; message: string }[] } } & JsonObject;
  expect(status.conditions.find(({ type }) => type === 'NamespaceContentRemaining')?.message).toBe(`Some resources are remaining: configmaps. has ${COUNT / 2} resource instances`);
  const maps = place.api.target('', 'v1', 'configmaps');
  for (let index = 0; index < COUNT; index += 2) {
    expect(place.isThere()).toBe(true);
    place.api.patch(maps, 'shop', name(index), { metadata: { finalizers: null } }, { ...me, type: 'merge' });
  }
  expect([place.left().length, place.isThere()]).toEqual([0, false]);
});
