/** Names in a sentence: the first few, and how many more. `count`: of all, where `names` has not all of them. */
export const listed = (names: readonly string[], most: number, count = names.length): string =>
  `${names.slice(0, most).join(', ')}${count > most ? ` and ${count - most} more` : ''}`;

/** `1 cluster`, `2 clusters`. */
export const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
