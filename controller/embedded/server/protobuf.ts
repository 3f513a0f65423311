/** Bodies in Kubernetes' protobuf (`kubectl create …` sends no other): read into the JSON form. Answers are always JSON. */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { type JsonObject, put } from '../json.ts';
import { badRequest, unsupportedMediaType } from '../problems.ts';
import { BODIES, type FieldType, type Message, type MessageName, MESSAGES } from './protobuf-messages.ts';

/** `k8s\0`, then a `runtime.Unknown`. */
const MAGIC = [0x6b, 0x38, 0x73, 0x00];

export function fromProtobuf(bytes: Uint8Array): JsonObject {
  if (!MAGIC.every((byte, index) => bytes[index] === byte)) throw badRequest("couldn't parse the body as protobuf: it does not begin with k8s\\0");
  try {
    const { apiVersion, kind, raw } = envelope(bytes.subarray(MAGIC.length));
    if (!BODIES.has(kind)) throw unsupportedMediaType(`${kind || 'this kind'} is not read in protobuf here; send application/json`);
    return { apiVersion, kind, ...read(kind as MessageName, new BinaryReader(raw), raw.length) };
  } catch (error) {
    if (error instanceof RangeError || (error instanceof Error && error.constructor === Error)) throw badRequest('couldn\'t parse the body as protobuf: it is cut short or damaged');
    throw error;
  }
}

function envelope(bytes: Uint8Array): { readonly apiVersion: string; readonly kind: string; readonly raw: Uint8Array } {
  const reader = new BinaryReader(bytes);
  let [apiVersion, kind, raw] = ['', '', new Uint8Array()];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1 && wire === WireType.LengthDelimited) {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) {
        const [inner, innerWire] = reader.tag();
        if (inner === 1) apiVersion = reader.string();
        else if (inner === 2) kind = reader.string();
        else reader.skip(innerWire, inner);
      }
    } else if (field === 2 && wire === WireType.LengthDelimited) raw = reader.bytes() as Uint8Array<ArrayBuffer>;
    else reader.skip(wire, field);
  }
  return { apiVersion, kind, raw };
}

function read(name: MessageName, reader: BinaryReader, length: number): JsonObject {
  const message: Message = MESSAGES[name];
  const object: JsonObject = {};
  const end = reader.pos + length;
  while (reader.pos < end) {
    const [field, wire] = reader.tag();
    const known = message[field];
    if (known === undefined) {
      reader.skip(wire, field);
      continue;
    }
    const [key, type] = known;
    if (typeof type === 'object' && 'list' in type) {
      const list = (object[key] ??= []) as unknown[];
      list.push(type.list === 'text' ? reader.string() : read(type.list, reader, reader.uint32()));
    } else if (type === 'text-map' || type === 'bytes-map') {
      const [entry, value] = mapEntry(reader, type === 'bytes-map');
      put((object[key] ??= {}) as JsonObject, entry, value);
    } else {
      const value = scalar(type, reader);
      // Go leaves empty text out of JSON, and a generation that nobody counted.
      if (value !== '' && value !== undefined && !(key === 'generation' && value === 0)) object[key] = value;
    }
  }
  if (reader.pos !== end) throw new RangeError('a message is longer than it says');
  return object;
}

function mapEntry(reader: BinaryReader, binary: boolean): readonly [string, string] {
  const end = reader.uint32() + reader.pos;
  let [key, value] = ['', ''];
  while (reader.pos < end) {
    const [field, wire] = reader.tag();
    if (field === 1) key = reader.string();
    else if (field === 2) value = binary ? Buffer.from(reader.bytes()).toString('base64') : reader.string();
    else reader.skip(wire, field);
  }
  return [key, value];
}

function scalar(type: Exclude<FieldType, { readonly list: unknown }>, reader: BinaryReader): unknown {
  switch (type) {
    case 'text': return reader.string();
    case 'bytes': return Buffer.from(reader.bytes()).toString('base64');
    case 'integer': return Number(reader.int64());
    case 'boolean': return reader.bool();
    case 'time': {
      const seconds = numbers(reader).get(1);
      return seconds === undefined || seconds <= 0 ? undefined : toRfc3339(seconds * 1000).replace(/\.\d+Z$/, 'Z');
    }
    case 'int-or-string': return intOrString(reader);
    default: return typeof type === 'object' ? read(type.message, reader, reader.uint32()) : undefined;
  }
}

/** The number fields of a small message. */
function numbers(reader: BinaryReader): ReadonlyMap<number, number> {
  const end = reader.uint32() + reader.pos;
  const found = new Map<number, number>();
  while (reader.pos < end) {
    const [field, wire] = reader.tag();
    if (wire === WireType.Varint) found.set(field, Number(reader.int64()));
    else reader.skip(wire, field);
  }
  return found;
}

function intOrString(reader: BinaryReader): number | string | undefined {
  const end = reader.uint32() + reader.pos;
  let [isText, number, text] = [false, 0, ''];
  while (reader.pos < end) {
    const [field, wire] = reader.tag();
    if (field === 1) isText = Number(reader.int64()) === 1;
    else if (field === 2) number = Number(reader.int64());
    else if (field === 3) text = reader.string();
    else reader.skip(wire, field);
  }
  return isText ? text : number === 0 ? undefined : number;
}
