/** Paths as the API server names fields. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256Hex } from '../../adapters/digest.ts';
import { differingPaths, shownValue, valueAt, withValueAt } from './values.ts';

const object = {
  metadata: { labels: { 'app.kubernetes.io/name': 'shop', app: 'x' } },
  spec: { replicas: 2, containers: [{ name: 'a.b', image: 'one' }, { name: 'shop', image: 'two', ports: [{ containerPort: 80, protocol: 'TCP' }] }], finalizers: ['example.org/keep'] },
};

test.each([
  ['.spec.replicas', 2],
  ['.metadata.labels.app.kubernetes.io/name', 'shop'],
  ['.spec.containers[name="shop"].image', 'two'],
  ['.spec.containers[name="a.b"].image', 'one'],
  ['.spec.containers[name="shop"].ports[containerPort=80,protocol="TCP"].protocol', 'TCP'],
  ['.spec.containers[1].image', 'two'],
  ['.spec.finalizers[="example.org/keep"]', 'example.org/keep'],
  ['.spec.containers[name="none"].image', undefined],
  ['.metadata.annotations.example.org/a', undefined],
  ['.spec.replicas.deeper', undefined],
])('%s', (path, value) => { expect(valueAt(object, path)).toEqual(value); });

test('a value is set and taken away in a copy', () => {
  expect(withValueAt(object, '.spec.containers[name="shop"].image', 'three').spec.containers).toEqual([object.spec.containers[0], { ...object.spec.containers[1], image: 'three' }]);
  expect(withValueAt(object, '.metadata.labels.app.kubernetes.io/name', undefined).metadata.labels).toEqual({ app: 'x' });
  expect(withValueAt(object, '.metadata.annotations.example.org/a', 'b').metadata).toEqual({ ...object.metadata, annotations: { 'example.org/a': 'b' } });
  expect(withValueAt(object, '.spec.containers[name="none"].image', 'x')).toBe(object);
});

test('what differs is found where it is, and setting it there makes both equal', () => {
  const fields = fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), fc.oneof(fc.integer(), fc.array(fc.integer(), { maxLength: 2 }), fc.dictionary(fc.stringMatching(/^[a-z]{1,2}$/), fc.boolean(), { maxKeys: 3 })), { maxKeys: 4 });
  fc.assert(fc.property(fields, fields, (a, b) => {
    const [one, other] = [{ spec: { ...a } }, { spec: { ...b } }] as [object, object];
    const paths = differingPaths(one, other);
    const merged = paths.reduce((at, path) => withValueAt(at, path, valueAt(other, path)), one);
    // Maps that lost their last member stay, empty.
    expect(differingPaths(merged, other).every((path) => JSON.stringify(valueAt(merged, path)) === '{}' || valueAt(other, path) === undefined)).toBe(true);
    expect(paths.length === 0).toBe(JSON.stringify(sorted(one)) === JSON.stringify(sorted(other)));
  }));
});
const sorted = (value: unknown): unknown => (typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, sorted(member)])) : value);

test('long and secret values are shown as digests', () => {
  const of = (kind: string, value: unknown) => shownValue({ apiVersion: 'v1', kind }, value, sha256Hex);
  expect([of('ConfigMap', 'a'), of('ConfigMap', { a: 1 }), of('ConfigMap', undefined)]).toEqual(['a', '{"a":1}', 'absent']);
  expect(of('Secret', 'a')).toBe(`sha256:${sha256Hex('a')}`);
  expect(of('ConfigMap', 'x'.repeat(65))).toMatch(/^sha256:/);
});
