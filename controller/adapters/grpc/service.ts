/** Generated service definitions as grpc-js wants them. Messages stay bytes here: `mesh/api/codec` reads and writes them, with its bounds and errors. */
import type { MethodDefinition, ServiceDefinition, UntypedHandleCall } from '@grpc/grpc-js';

export type RawMethod = MethodDefinition<Uint8Array, Uint8Array>;

/** An implementation of each method that has a rule, and of no other. */
export type Served<Callers> = { readonly [Method in keyof Callers]: UntypedHandleCall };

interface GeneratedService {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, { readonly name: string; readonly requestStream: boolean; readonly responseStream: boolean }>>;
}

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const fromBuffer = (buffer: Buffer): Uint8Array => buffer;

export function rawService<S extends GeneratedService>(service: S): { readonly [M in keyof S['methods']]: RawMethod } {
  const methods = Object.entries(service.methods).map(([key, method]): [string, RawMethod] => [key, {
    path: `/${service.fullName}/${method.name}`,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: toBuffer,
    requestDeserialize: fromBuffer,
    responseSerialize: toBuffer,
    responseDeserialize: fromBuffer,
  }]);
  return Object.fromEntries(methods) as ServiceDefinition as { readonly [M in keyof S['methods']]: RawMethod };
}
