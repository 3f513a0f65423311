/** IP addresses as bytes (RFC 4291 §2.2 for the text forms of IPv6). */

/** Zeros where the text is no such address: a record must have its length whatever an exporting cluster wrote. */
export function addressBytes(address: string, type: 'A' | 'AAAA'): number[] {
  return (type === 'A' ? version4(address) : version6(address)) ?? Array.from({ length: type === 'A' ? 4 : 16 }, () => 0);
}

function version4(text: string): number[] | undefined {
  const parts = text.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  return parts.length === 4 && parts.every((part) => part <= 255) ? parts : undefined;
}

function version6(text: string): number[] | undefined {
  const halves = text.split('%', 1)[0]?.split('::') ?? [];
  const groups = halves.map((half) => (half === '' ? [] : half.split(':').flatMap(groupBytes)));
  const [head = [], tail] = groups;
  if (halves.length > 2 || groups.flat().some(Number.isNaN)) return undefined;
  if (tail === undefined) return head.length === 16 ? head : undefined;
  const gap = 16 - head.length - tail.length;
  return gap < 0 ? undefined : [...head, ...Array.from({ length: gap }, () => 0), ...tail];
}

function groupBytes(group: string): number[] {
  if (group.includes('.')) return version4(group) ?? [Number.NaN];
  const value = /^[0-9a-f]{1,4}$/i.test(group) ? Number.parseInt(group, 16) : Number.NaN;
  return [value >> 8, Number.isNaN(value) ? Number.NaN : value & 0xff];
}
