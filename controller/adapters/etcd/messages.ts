/** The few messages of etcd's gRPC API (`api/etcdserverpb/rpc.proto`, `api/mvccpb/kv.proto`) that a reader of a mesh needs. Unknown fields are passed over. */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import type { EtcdAnswer, EtcdEntry, EtcdRange } from '../../../mesh/ports/etcd.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const tag = (field: number, wireType: 0 | 2): number => (field << 3) | wireType;
const [VARINT, LENGTH] = [0, 2] as const;

export function encodeRange({ key, rangeEnd, limit, countOnly, keysOnly }: EtcdRange): Uint8Array {
  const writer = new BinaryWriter().uint32(tag(1, LENGTH)).bytes(bytes(key));
  if (rangeEnd !== undefined) writer.uint32(tag(2, LENGTH)).bytes(bytes(rangeEnd));
  if (limit !== undefined) writer.uint32(tag(3, VARINT)).int64(limit);
  if (keysOnly === true) writer.uint32(tag(8, VARINT)).bool(true);
  if (countOnly === true) writer.uint32(tag(9, VARINT)).bool(true);
  return writer.finish();
}

/** A put of `key` under the condition that its version is -1, which no key's is. etcd asks for the right to every part of a transaction before it looks at the conditions. */
export function encodeWriteThatNeverHappens(key: string): Uint8Array {
  const writer = new BinaryWriter();
  writer.uint32(tag(1, LENGTH)).fork().uint32(tag(3, LENGTH)).bytes(bytes(key)).uint32(tag(4, VARINT)).int64(-1).join();
  writer.uint32(tag(2, LENGTH)).fork().uint32(tag(2, LENGTH)).fork().uint32(tag(1, LENGTH)).bytes(bytes(key)).join().join();
  return writer.finish();
}

/** int64 as a number: revisions and counts stay far below 2^53; one that does not is no etcd's. */
function count(reader: BinaryReader): number {
  const value = Number(reader.int64());
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${value} is no count`);
  return value;
}

/** `read` gets every field of a message and says whether it knew it. */
function eachField(reader: BinaryReader, end: number, read: (field: number) => boolean): void {
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (!read(field)) reader.skip(wireType);
  }
  if (reader.pos !== end) throw new Error('a field is longer than its message');
}

function within(reader: BinaryReader): number {
  const length = reader.uint32();
  if (length > reader.len - reader.pos) throw new Error('a message is longer than what holds it');
  return reader.pos + length;
}

function decodeEntry(reader: BinaryReader): EtcdEntry {
  const entry = { key: '', value: '', modRevision: 0 };
  eachField(reader, within(reader), (field) => {
    if (field === 1) entry.key = Buffer.from(reader.bytes()).toString('utf8');
    else if (field === 3) entry.modRevision = count(reader);
    else if (field === 5) entry.value = Buffer.from(reader.bytes()).toString('utf8');
    else return false;
    return true;
  });
  return entry;
}

/** Throws where the bytes are no such message. */
export function decodeAnswer(message: Uint8Array): EtcdAnswer {
  const reader = new BinaryReader(message);
  const entries: EtcdEntry[] = [];
  const answer = { count: 0, revision: 0 };
  eachField(reader, reader.len, (field) => {
    if (field === 1) {
      eachField(reader, within(reader), (inner) => {
        if (inner !== 3) return false;
        answer.revision = count(reader);
        return true;
      });
    } else if (field === 2) entries.push(decodeEntry(reader));
    else if (field === 4) answer.count = count(reader);
    else return false;
    return true;
  });
  return { entries, ...answer };
}
