/** The agent protocol as its `.proto` files say it: what exists, and messages full of a name, made without knowing any of them. */
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { create, createFileRegistry, type DescField, type DescMessage, fromBinary, type Message, ScalarType, toBinary } from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

const ROOT = resolve(import.meta.dirname, '../..');
const PACKAGE = 'isthmus.v1';

export interface ProtocolMethod {
  readonly service: string;
  /** As generated code spells it: `issueMeshCertificates`. */
  readonly method: string;
  readonly path: string;
  readonly stream: boolean;
  readonly request: DescMessage;
}

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, execFileSync(join(ROOT, 'node_modules/.bin/buf'), ['build', '-o', '-'], { cwd: ROOT, maxBuffer: 2 ** 24 })));
const ours = [...registry].filter(({ typeName }) => typeName.startsWith(`${PACKAGE}.`));

export const METHODS: readonly ProtocolMethod[] = ours.flatMap((described) => (described.kind !== 'service' ? [] : described.methods.map((method) => ({
  service: described.name, method: method.localName, path: `/${described.typeName}/${method.name}`, stream: method.methodKind !== 'unary', request: method.input,
}))));

const messageOf = (name: string): DescMessage => {
  const found = registry.getMessage(`${PACKAGE}.${name}`);
  if (found === undefined) throw new Error(`the .proto files have no message ${name}`);
  return found;
};

export interface ProtocolType {
  /** `EXPORT_FACT`, as in `RESOURCE_TYPE_EXPORT_FACT`. */
  readonly name: string;
  readonly number: number;
  /** The member of `Resource` that carries it: of the same name. */
  readonly member: DescField;
}

export const TYPES: readonly ProtocolType[] = (registry.getEnum(`${PACKAGE}.ResourceType`)?.values ?? []).filter(({ number }) => number !== 0).map((value) => {
  const name = value.name.replace(/^RESOURCE_TYPE_/, '');
  const member = messageOf('Resource').fields.find((field) => field.name === name.toLowerCase());
  if (member === undefined) throw new Error(`message Resource has no member for ${value.name}`);
  return { name, number: value.number, member };
});

/** Values for fields of these names, wherever they are. */
type Fixed = Readonly<Record<string, unknown>>;

/** Each text and each byte string is `name`, each list and map has one entry, each number is 1, each truth true, of several members the first (or the one that `fixed` names). */
function fill(message: DescMessage, name: string, fixed: Fixed = {}): Message {
  const filled = create(message);
  const into: ReflectMessage = reflect(message, filled);
  for (const field of message.fields) {
    if (field.oneof !== undefined && (fixed[field.oneof.name] ?? field.oneof.fields[0]?.name) !== field.name) continue;
    if (field.fieldKind === 'list') into.get(field).add(one(field, name, fixed) as never);
    else if (field.fieldKind === 'map') into.get(field).set(name as never, (field.mapKind === 'message' ? reflected(field.message, name, fixed) : scalar(field.scalar ?? ScalarType.INT32, name)) as never);
    else into.set(field, one(field, name, fixed) as never);
  }
  return filled;
}

const reflected = (message: DescMessage, name: string, fixed: Fixed): ReflectMessage => reflect(message, fill(message, name, fixed));

function one(field: DescField, name: string, fixed: Fixed): unknown {
  if (field.message !== undefined) return reflected(field.message, name, fixed);
  if (fixed[field.name] !== undefined) return fixed[field.name];
  return field.enum === undefined ? scalar(field.scalar ?? ScalarType.INT32, name) : 1;
}

function scalar(type: ScalarType, name: string): unknown {
  switch (type) {
    case ScalarType.STRING: return name;
    case ScalarType.BYTES: return Buffer.from(name);
    case ScalarType.BOOL: return true;
    case ScalarType.INT64: case ScalarType.UINT64: case ScalarType.SINT64: case ScalarType.FIXED64: case ScalarType.SFIXED64: return 1n;
    default: return 1;
  }
}

export const encoded = (message: DescMessage, name: string, fixed: Fixed = {}): Uint8Array => toBinary(message, fill(message, name, fixed));

/** One delta of this type, full of the name. */
export const deltaOf = (type: ProtocolType, name: string): Uint8Array =>
  encoded(messageOf('SyncMessage'), name, { message: 'delta', type: type.number, value: type.member.name, nonce: '1', version: 'hostile' });

export const subscriptionTo = (type: ProtocolType, name: string): Uint8Array => encoded(messageOf('SyncMessage'), name, { message: 'subscribe', type: type.number });
