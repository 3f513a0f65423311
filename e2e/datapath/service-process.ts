/** Stands for what a node does for a Service: takes connections at one `host:port` and leads them to another; both as words. */
import { connect, createServer } from 'node:net';

const [from = '', to = ''] = process.argv.slice(2);
const placeOf = (text: string): { readonly host: string; readonly port: number } => ({ host: text.split(':')[0] ?? '', port: Number(text.split(':')[1]) });

createServer((inward) => {
  const outward = connect(placeOf(to));
  inward.pipe(outward).pipe(inward);
  for (const [one, other] of [[inward, outward], [outward, inward]] as const) one.on('error', () => other.destroy());
}).listen(placeOf(from));
