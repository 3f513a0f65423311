/** PEM (RFC 7468), the strict form that we write ourselves. */

export function toPem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** DER of every block with this label, in order; empty where there is none. */
export function fromPem(label: string, text: string): readonly Uint8Array[] {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const blocks: Uint8Array[] = [];
  for (let from = text.indexOf(begin); from >= 0; from = text.indexOf(begin, from)) {
    const to = text.indexOf(end, from);
    if (to < 0) break;
    blocks.push(new Uint8Array(Buffer.from(text.slice(from + begin.length, to), 'base64')));
    from = to + end.length;
  }
  return blocks;
}
