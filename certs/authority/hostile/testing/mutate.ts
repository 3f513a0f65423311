/** Broken copies of good encodings: bits flipped, pieces moved between them, lengths bent. The same seed makes the same ones. */

export type Chance = () => number;

/** Xorshift32: fast, and enough to choose where to break. In [0, 1). */
export function chance(seed: number): Chance {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const INTERESTING = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x17, 0x18, 0x1f, 0x24, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x86, 0x88, 0xa0, 0xa3, 0xbf, 0xff];
const LONGEST = 8192;

/** Where tags are, as far as the structure can be followed. */
function tagsOf(der: Uint8Array): number[] {
  const found: number[] = [];
  const walk = (from: number, to: number): void => {
    for (let at = from; at + 1 < to;) {
      found.push(at);
      const first = der[at + 1] ?? 0;
      const digits = first >= 0x80 ? first & 0x7f : 0;
      let length = first >= 0x80 ? 0 : first;
      for (let index = 0; index < digits; index += 1) length = length * 256 + (der[at + 2 + index] ?? 0);
      const begin = at + 2 + digits;
      if (((der[at] ?? 0) & 0x20) !== 0) walk(begin, Math.min(begin + length, to));
      at = begin + length;
    }
  };
  walk(0, der.length);
  return found;
}

export function mutated(seeds: readonly Uint8Array[], random: Chance): Uint8Array {
  const below = (count: number): number => Math.floor(random() * count);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  let der = Uint8Array.from(pick(seeds));
  const splice = (at: number, removed: number, ...added: readonly Uint8Array[]): void => {
    der = new Uint8Array(Buffer.concat([der.subarray(0, at), ...added, der.subarray(at + removed)])).slice(0, LONGEST);
  };
  for (let count = 1 + below(3); count > 0 && der.length > 0; count -= 1) {
    const at = below(der.length);
    switch (below(9)) {
      case 0: der[at] = (der[at] ?? 0) ^ (1 << below(8)); break;
      case 1: der[at] = pick(INTERESTING); break;
      case 2: splice(at, 1 + below(8)); break;
      case 3: splice(at, 0, Uint8Array.from({ length: 1 + below(8) }, () => pick(INTERESTING))); break;
      case 4: {
        const other = pick(seeds);
        const from = below(other.length);
        splice(at, below(16), other.subarray(from, from + 1 + below(64)));
        break;
      }
      case 5: splice(below(der.length), der.length); break;
      case 6: {
        const from = below(der.length);
        splice(at, 0, der.subarray(from, from + below(128)));
        break;
      }
      case 7: {
        const tag = pick(tagsOf(der));
        const length = der[tag + 1] ?? 0;
        if (length >= 0x80) der[tag + 2] = (der[tag + 2] ?? 0) + pick([-1, 1, 127]);
        else der[tag + 1] = length + pick([-1, 1, 128]);
        break;
      }
      default: {
        // The same length in a longer form, or without an end.
        const tag = pick(tagsOf(der));
        const length = der[tag + 1] ?? 0;
        if (length < 0x80) splice(tag + 1, 1, pick([Uint8Array.of(0x81, length), Uint8Array.of(0x82, 0, length), Uint8Array.of(0x80)]));
        else splice(tag + 1, 1, Uint8Array.of(length + 1, 0));
      }
    }
  }
  return der;
}
