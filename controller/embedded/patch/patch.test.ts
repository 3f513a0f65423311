import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtInSchema } from '../builtin/schemas.ts';
import { equal } from '../json.ts';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';
import { strategicMergePatch } from './strategic-merge.ts';

const json = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, fc.constantFrom(null, true, 1, 'x'), fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'd/e'), tie('value'), { maxKeys: 3 })),
})).value;

describe('merge patch', () => {
  it('follows the examples of RFC 7386', () => {
    for (const [target, patch, result] of [
      [{ a: 'b' }, { a: 'c' }, { a: 'c' }], [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }], [{ a: 'b' }, { a: null }, {}], [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
      [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }], [['a'], ['c'], ['c']], [{ a: 'foo' }, null, null], [[1, 2], { a: 'b', c: null }, { a: 'b' }], [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ]) expect(mergePatch(target, patch)).toEqual(result);
  });

  it('is the same once and twice, and leaves its input alone', () => {
    fc.assert(fc.property(json, json, (target, patch) => {
      const before = JSON.stringify(target);
      const once = mergePatch(target, patch);
      expect(equal(mergePatch(once, patch), once)).toBe(true);
      expect(JSON.stringify(target)).toBe(before);
    }));
  });
});

describe('JSON patch', () => {
  it('adds, removes, replaces, moves, copies and tests', () => {
    expect(jsonPatch({ a: [1, 3], b: { 'c/d': 1 } }, [
      { op: 'add', path: '/a/1', value: 2 }, { op: 'add', path: '/a/-', value: 4 }, { op: 'remove', path: '/b/c~1d' }, { op: 'copy', from: '/a/0', path: '/b/e' },
      { op: 'move', from: '/b/e', path: '/f' }, { op: 'test', path: '/f', value: 1 }, { op: 'replace', path: '/a/0', value: 9 },
    ])).toEqual({ a: [9, 2, 3, 4], b: {}, f: 1 });
  });

  it.each([
    [{ op: 'remove', path: '/x' }, 422], [{ op: 'replace', path: '/a/0', value: 1 }, 422], [{ op: 'test', path: '/a', value: 1 }, 422], [{ op: 'add', path: '/a/9', value: 1 }, 422],
    [{ op: 'add', path: '/a/01', value: 1 }, 422], [{ op: 'add', path: 'a', value: 1 }, 422], [{ op: 'jump', path: '/a' }, 422], ['x', 400],
  ])('refuses %j', (operation, code) => {
    expect(() => jsonPatch({ a: [] }, [operation])).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('never throws anything but a refusal', () => {
    fc.assert(fc.property(json, fc.array(fc.record({ op: fc.constantFrom('add', 'remove', 'move', 'copy', 'test', 'replace'), path: fc.constantFrom('', '/a', '/a/0', '/b/-', '/__proto__/x'), from: fc.constantFrom('/a', '/b/a'), value: json }), { maxLength: 4 }), (target, patch) => {
      try {
        jsonPatch(target, patch);
      } catch (error) {
        expect(error).toHaveProperty('code');
      }
    }));
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });
});

describe('strategic merge patch', () => {
  const service = builtInSchema('io.k8s.api.core.v1.Service');
  const target = { metadata: { finalizers: ['a', 'b'] }, spec: { ports: [{ port: 80, name: 'a' }, { port: 81, name: 'b' }], selector: { x: '1', y: '2' } } };
  const ports = (patch: object): unknown => (strategicMergePatch(service, target, { spec: patch }) as { spec: { ports: unknown } }).spec.ports;

  it('merges lists by their key, in the order that the patch asks for', () => {
    expect(ports({ ports: [{ port: 81, name: 'c' }] })).toEqual([{ port: 80, name: 'a' }, { port: 81, name: 'c' }]);
    expect(ports({ ports: [{ port: 82 }], '$setElementOrder/ports': [{ port: 81 }, { port: 82 }, { port: 80 }] })).toEqual([{ port: 81, name: 'b' }, { port: 82 }, { port: 80, name: 'a' }]);
    expect(ports({ ports: [{ port: 80, $patch: 'delete' }] })).toEqual([{ port: 81, name: 'b' }]);
    expect(ports({ ports: [{ $patch: 'replace' }, { port: 9 }] })).toEqual([{ port: 9 }]);
  });

  it('merges maps, replaces on request, keeps named keys, deletes from plain lists', () => {
    expect(strategicMergePatch(service, target, { spec: { selector: { y: null, z: '3' } } })).toMatchObject({ spec: { selector: { x: '1', z: '3' } } });
    expect(strategicMergePatch(service, target, { spec: { selector: { $patch: 'replace', z: '3' } } })).toHaveProperty('spec.selector', { z: '3' });
    expect(strategicMergePatch(service, target, { spec: { $retainKeys: ['selector'] } })).toEqual({ ...target, spec: { selector: target.spec.selector } });
    expect(strategicMergePatch(service, target, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c'] } })).toHaveProperty('metadata.finalizers', ['c', 'b']);
  });
});
