/** Takes out of kubectl's output what no two servers share: ages, times, identities, versions, addresses. Widths of columns stay. */

/** The same number of characters where more text follows on the line. */
const padded = (text: string) => (found: string, spaces: string): string => text + (spaces === '' ? '' : ' '.repeat(Math.max(1, found.length - text.length)));

export function normal(text: string, url: string, temporary: string): string {
  return text
    .replaceAll(url, 'https://127.0.0.1:6443')
    .replaceAll(url.replace('https://', ''), '127.0.0.1:6443')
    // What only verbose commands log, and warnings by luck: of watches that kubectl itself ends at once.
    .replaceAll(/^(I\d{4} |W\d{4} .*very short watch).*\n/gm, '')
    .replaceAll(/^(?<level>[EIW])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ /gm, '$<level>0101 00:00:00.000000 1 ')
    .replaceAll(`${temporary}/`, '/tmp/')
    .replaceAll(/\b(LIVE|MERGED)-\d+/g, '$1-1')
    .replaceAll(/\bkubectl-edit-\d+/g, 'kubectl-edit-1')
    .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '0a1b2c3d-0000-4000-8000-000000000000')
    .replaceAll(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+0000)/g, '2026-01-01T00:00:00Z')
    .replaceAll(/\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000/g, 'Thu, 01 Jan 2026 00:00:00 +0000')
    .replaceAll(/(resourceVersion\\?"?: ?)(\\?")\d+\\?"/g, (_, label: string, quote: string) => `${label}${quote}1${quote}`)
    .replaceAll(/(Server Version: v\d+\.\d+)\.\d+$/gm, '$1.x')
    .replaceAll(/(Resource Version: +)\d+/g, '$11')
    .replaceAll(/\b10\.0\.0\.\d+\b( *)/g, padded('10.0.0.10'))
    .replaceAll(/(?<=^|\s)(?:\d+s|\d+m(?:\d+s)?|\d+d|\d+y(?:\d+d)?)( *)(?=\s|$)/gm, padded('1s'));
}
