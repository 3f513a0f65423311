import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseLabelSelector } from './label-selector.ts';

const key = fc.constantFrom('a', 'b', 'example.com/c');
const text = fc.constantFrom('x', 'y', '');
const labels = fc.dictionary(key, text, { maxKeys: 3 });

it.each([['=', (found: string | undefined, value: string) => found === value], ['!=', (found: string | undefined, value: string) => found !== value]] as const)('%s agrees with its plain meaning', (operator, meaning) => {
  fc.assert(fc.property(key, text, labels, (name, value, given) => parseLabelSelector(`${name}${operator}${value}`)(given) === meaning(given[name], value)));
});

it('sets and presence agree with their plain meaning', () => {
  fc.assert(fc.property(key, fc.array(text, { minLength: 1, maxLength: 3 }), labels, (name, values, given) => {
    const found = given[name];
    const list = values.join(', ');
    expect(parseLabelSelector(`${name} in (${list})`)(given)).toBe(found !== undefined && values.includes(found));
    expect(parseLabelSelector(`${name} notin (${list})`)(given)).toBe(found === undefined || !values.includes(found));
    expect(parseLabelSelector(name)(given)).toBe(found !== undefined);
    expect(parseLabelSelector(`!${name}`)(given)).toBe(found === undefined);
    expect(parseLabelSelector(`${name},!${name}`)(given)).toBe(false);
  }));
});

it('compares numbers', () => {
  expect([parseLabelSelector('n>1')({ n: '2' }), parseLabelSelector('n<1')({ n: '2' }), parseLabelSelector('n>1')({ n: 'two' })]).toEqual([true, false, false]);
});

it('refuses noise with 400 and never anything else', () => {
  fc.assert(fc.property(fc.string(), (noise) => {
    try {
      parseLabelSelector(noise)({});
    } catch (error) {
      expect(error).toMatchObject({ code: 400 });
    }
  }));
});
