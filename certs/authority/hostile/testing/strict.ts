/** DER as X.690 has it, checked without the code under test: the judge of what others have taken. */

export interface Value {
  readonly tag: number;
  /** With tag and length. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
  /** Of a constructed value. */
  readonly parts: readonly Value[];
}

/** Throws a sentence where `der` is not exactly one value with definite, shortest lengths, all the way down. BIT and OCTET STRINGs are not looked into. */
export function strictly(der: Uint8Array): Value {
  const [value, end] = read(der, 0, 0);
  if (end !== der.length) throw new Error(`${der.length - end} bytes follow`);
  return value;
}

function read(der: Uint8Array, at: number, depth: number): readonly [Value, number] {
  if (depth > 64) throw new Error('nested too deep');
  const tag = der[at];
  const first = der[at + 1];
  if (tag === undefined || first === undefined) throw new Error('cut short');
  let [length, from] = [first, at + 2];
  if (first >= 0x80) {
    const digits = first & 0x7f;
    if (digits === 0 || digits > 4) throw new Error('a length that is indefinite or far too long');
    length = 0;
    for (let index = 0; index < digits; index += 1) length = length * 256 + (der[from + index] ?? 0);
    from += digits;
    if (length < 128 || length < 256 ** (digits - 1)) throw new Error('a length with a shorter form');
  }
  const end = from + length;
  if (end > der.length) throw new Error('cut short');
  const content = der.subarray(from, end);
  if (tag === 0x02 && (length === 0 || (length > 1 && ((content[0] === 0 && (content[1] ?? 0) < 0x80) || (content[0] === 0xff && (content[1] ?? 0) >= 0x80))))) throw new Error('an INTEGER with a shorter form');
  const parts: Value[] = [];
  if ((tag & 0x20) !== 0) {
    for (let next = from; next < end;) {
      const [part, after] = read(der.subarray(0, end), next, depth + 1);
      parts.push(part);
      next = after;
    }
  }
  return [{ tag, whole: der.subarray(at, end), content, parts }, end];
}
