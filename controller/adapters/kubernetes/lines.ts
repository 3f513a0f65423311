/** Cuts a stream of bytes into lines of UTF-8 text. */

/** More than 5 times what etcd lets one object be. */
const MAXIMUM_LINE_BYTES = 8 * 1024 * 1024;

export class LineTooLong extends Error {
  constructor(bytes: number) {
    super(`a line of the answer is longer than ${bytes} bytes`);
    this.name = 'LineTooLong';
  }
}

/** Lines without their end. Characters may be split between chunks; a last line without its end is given too, so that a parser can see that it is cut short. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>, maximumBytes = MAXIMUM_LINE_BYTES): AsyncGenerator<string> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const take = (last: Uint8Array): string => {
    const text = Buffer.concat([...held, last]).toString('utf8');
    held = [];
    heldBytes = 0;
    return text;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      if (heldBytes + end - start > maximumBytes) throw new LineTooLong(maximumBytes);
      const line = take(chunk.subarray(start, end));
      start = end + 1;
      if (line.trim() !== '') yield line;
    }
    if (start < chunk.length) {
      const rest = chunk.subarray(start);
      heldBytes += rest.length;
      if (heldBytes > maximumBytes) throw new LineTooLong(maximumBytes);
      held.push(rest);
    }
  }
  const line = take(new Uint8Array());
  if (line.trim() !== '') yield line;
}
