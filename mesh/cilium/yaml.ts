/** As much YAML as Cilium's peer files need. */

/** Texts that every YAML 1.1 and 1.2 reader takes for the string that they are. An IPv6 address needs `::` or a letter, for YAML 1.1 reads `1:20:30` as a number. */
const PLAIN = [/^https:\/\/([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-f:]+\]):[0-9]+$/, /^[0-9]+(\.[0-9]+){3}$/, /^(?=.*::)[0-9a-f:]+[0-9a-f]$/, /^(?=.*[a-f])[0-9a-f]{1,4}(:[0-9a-f]{1,4})+$/];

/** Plain where that is safe, else double-quoted: JSON strings are YAML. */
export const scalar = (text: string): string => (PLAIN.some((plain) => plain.test(text)) ? text : JSON.stringify(text));

export const listBlock = (items: readonly string[], indent: string): string => items.map((item) => `${indent}- ${scalar(item)}`).join('\n');
