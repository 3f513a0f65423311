import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseFieldSelector } from './field-selector.ts';
import { METADATA_FIELDS } from './kinds.ts';

const fields = { 'metadata.name': (object: object) => String((object as { name: string }).name) };
const kind = { fields, builtIn: true, namespaced: true };

it('escapes what would end a value', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', ',', '=', '\\', '!', ' ') }), (name) => {
    const escaped = name.replace(/[\\,=]/g, '\\$&');
    expect(parseFieldSelector(`metadata.name=${escaped}`, kind)({ name })).toBe(true);
    expect(parseFieldSelector(`metadata.name!=${escaped}`, kind)({ name })).toBe(false);
    expect(parseFieldSelector(`metadata.name=${escaped},metadata.name!=other`, kind)({ name })).toBe(true);
  }));
});

it('refuses noise with 400 and never anything else', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string().map((text) => `metadata.name=${text}`)), (noise) => {
    try {
      parseFieldSelector(noise, { ...kind, fields: METADATA_FIELDS })({});
    } catch (error) {
      expect(error).toMatchObject({ code: 400 });
    }
  }));
});
