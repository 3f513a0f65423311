/** Globs, the only pattern language of selectors, queries and policies. */

/**
 * Whole-value match: `*` is any text, also none; `?` is one UTF-16 code unit; everything else stands for itself, case included.
 * Never returns to an earlier `*`, so the work is at most pattern length times value length, whatever the pattern.
 */
export function matchesGlob(pattern: string, value: string): boolean {
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let starTakesUntil = 0;
  while (at < value.length) {
    if (pattern[inPattern] === '*') {
      star = inPattern++;
      starTakesUntil = at;
    } else if (inPattern < pattern.length && (pattern[inPattern] === '?' || pattern[inPattern] === value[at])) {
      inPattern++;
      at++;
    } else if (star >= 0) {
      inPattern = star + 1;
      at = ++starTakesUntil;
    } else {
      return false;
    }
  }
  while (pattern[inPattern] === '*') inPattern++;
  return inPattern === pattern.length;
}
