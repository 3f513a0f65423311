/** A DNS server for the few names that peers call each other by: `{"a.mesh.cilium.io": "172.31.1.11"}` and the address to listen on, as words. */
import { createSocket } from 'node:dgram';
import dns from 'dns-packet';

const TTL_SECONDS = 5;
const [names = '{}', address = '127.0.0.1'] = process.argv.slice(2);
const addresses = new Map(Object.entries(JSON.parse(names) as Readonly<Record<string, string>>));

const socket = createSocket('udp4');
socket.on('message', (message, from) => {
  const { id, questions = [] } = dns.decode(message);
  const [question] = questions;
  if (question === undefined) return;
  const found = addresses.get(question.name.toLowerCase());
  const answers: dns.Answer[] = found === undefined || question.type !== 'A' ? [] : [{ type: 'A', name: question.name, ttl: TTL_SECONDS, data: found }];
  // RCODE 3: no such name (RFC 1035 §4.1.1).
  const flags = dns.AUTHORITATIVE_ANSWER | (found === undefined ? 3 : 0);
  socket.send(dns.encode({ type: 'response', id: id ?? 0, flags, questions, answers }), from.port, from.address);
});
socket.bind(53, address, () => console.log('answers'));
