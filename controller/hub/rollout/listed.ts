/** Names in a sentence: the first few, and how many more. */
const MOST_NAMED = 2;

export const listed = (names: readonly string[], most = MOST_NAMED): string => `${names.slice(0, most).join(', ')}${names.length > most ? ` (and ${names.length - most} more)` : ''}`;
