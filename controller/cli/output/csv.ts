/** Comma-separated values by RFC 4180: CRLF after every record; fields with a comma, a quote or a line break in quotes, quotes doubled. */
export const csv = (records: readonly (readonly string[])[]): string => records.map((record) => `${record.map(field).join(',')}\r\n`).join('');

const field = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
