/** The one order of texts: by UTF-16 code unit, the same on every machine and in every locale. */

/** By UTF-16 code units, the same on every machine: no locale. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export const sortedByName = <T extends { readonly name: string }>(items: readonly T[]): T[] => [...items].sort((a, b) => compareText(a.name, b.name));
