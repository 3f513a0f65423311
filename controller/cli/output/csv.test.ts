import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csv } from './csv.ts';

/** RFC 4180, section 2, read character by character. */
function read(text: string): string[][] {
  const records: string[][] = [];
  for (let at = 0, record: string[] = []; at < text.length;) {
    let value = '';
    if (text[at] === '"') {
      for (at += 1; text[at] !== '"' || text[at + 1] === '"'; at += 1) {
        if (text[at] === '"') at += 1;
        value += text[at];
      }
      at += 1;
    } else while (text[at] !== ',' && text[at] !== '\r') value += text[at++];
    record.push(value);
    if (text[at] === ',') at += 1;
    else {
      expect(text.slice(at, at + 2)).toBe('\r\n');
      at += 2;
      records.push(record);
      record = [];
    }
  }
  return records;
}

test('what is written is read back, whatever the fields hold', () => {
  const field = fc.string({ unit: fc.constantFrom('a', 'é', ' ', ',', '"', '\r', '\n', ';', '=') });
  fc.assert(fc.property(fc.array(fc.array(field, { minLength: 1, maxLength: 5 }), { maxLength: 5 }), (records) => {
    expect(read(csv(records))).toEqual(records);
  }));
});

test('only what needs quotes has them', () => {
  expect(csv([['name', 'note'], ['berlin', 'a "b", c']])).toBe('name,note\r\nberlin,"a ""b"", c"\r\n');
});
