import { expect, test } from 'vitest';
import { SharedStrings } from './shared-strings.ts';

test('texts inside of objects are shared without a change of content, and frozen objects are taken as they are', () => {
  const strings = new SharedStrings();
  const text = JSON.stringify({ a: 'registry.example/web:1', b: ['registry.example/web:1', 'short', 1, null, { c: 'x'.repeat(500) }] });
  const parsed = JSON.parse(text) as object;
  strings.share(parsed);
  for (let index = 0; index < 20_000; index++) strings.share({ name: `one of very many ${index}` });
  strings.share(parsed);
  expect(JSON.stringify(parsed)).toBe(text);
  const frozen = Object.freeze({ a: 'registry.example/web:1' });
  expect(() => strings.share(frozen)).not.toThrow();
});
