/** What forms are, `e2e/kube/contract` holds against kube-apiserver. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseQuantity } from '../../../mesh/model/compare.ts';
import { parseQuantityExactly, quantityText } from './quantity.ts';

const form = (text: string): string | undefined => { const quantity = parseQuantityExactly(text); return quantity === undefined ? undefined : quantityText(quantity); };

test.each(['', '-', '.', '1x', '1mi', '1 Gi', 'e3', '1e', 'much', '1Gim', '1..2'])('%j is none', (text) => { expect(form(text)).toBeUndefined(); });

test('the form is as much as the text was, and its own form where it is decimal', () => {
  const texts = fc.tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.option(fc.integer({ min: 0, max: 999 }), { nil: undefined }), fc.constantFrom('', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi'))
    .map(([whole, fraction, unit]) => `${whole}${fraction === undefined ? '' : `.${fraction}`}${unit}`);
  fc.assert(fc.property(texts, (text) => {
    const given = form(text)!;
    if (!text.endsWith('i')) expect(form(given)).toBe(given);
    const [before, after] = [parseQuantity(text)!, parseQuantity(given)!];
    // What is in binary units is whole: rounded up.
    expect(Math.abs(after - before)).toBeLessThanOrEqual(text.endsWith('i') && Math.abs(before) >= 1024 ? 1 : Math.abs(before) * 1e-9);
  }), { numRuns: 2000 });
});
