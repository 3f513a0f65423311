/** Messages of the Sync stream: bytes ↔ model. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { SyncMessage, SyncResource, SyncType, SyncValues } from '../../model/sync.ts';
import { TransportError } from '../../ports/transport.ts';
import * as wire from '../gen/isthmus/v1/sync.ts';
import { BOUNDS, decodeWith, invalid, list, name, present, text, texts, textMap } from './bounds.ts';
import * as access from './access.ts';
import * as cluster from './cluster.ts';
import * as peering from './peering.ts';
import * as revocation from './revocation.ts';
import * as service from './service.ts';
import * as verdict from './verdict.ts';
import { resourceTypes } from './unions.ts';

type WireValue = NonNullable<wire.Resource['value']>;
type WireCase = WireValue['$case'];
type WireOf<Case extends WireCase> = Extract<WireValue, { readonly $case: Case }>['value'];

/** One row per type: its member in the wire's `oneof` and both directions. */
interface ValueCodec<T extends SyncType> {
  readonly case: WireCase;
  encode(value: SyncValues[T]): WireValue;
  /** undefined: the resource carries another member than its delta's type says. */
  decode(field: string, value: WireValue): SyncValues[T] | undefined;
}

function codec<T extends SyncType, Case extends WireCase>($case: Case, toWire: (value: SyncValues[T]) => WireOf<Case>, fromWire: (field: string, value: WireOf<Case>) => SyncValues[T]): ValueCodec<T> {
  return {
    case: $case,
    encode: (value) => ({ $case, value: toWire(value) }) as WireValue,
    decode: (field, value) => (value.$case === $case ? fromWire(field, value.value as WireOf<Case>) : undefined),
  };
}

const VALUES: { readonly [T in SyncType]: ValueCodec<T> } = {
  Bundle: codec('bundle', (value) => ({ ...value, signatures: [...value.signatures] }), cluster.bundleFromWire),
  DesiredRevision: codec('desiredRevision', cluster.desiredRevisionToWire, cluster.desiredRevisionFromWire),
  ImportedFact: codec('importedFact', service.exportFactToWire, service.exportFactFromWire),
  ExportVerdict: codec('exportVerdict', service.exportVerdictToWire, service.exportVerdictFromWire),
  Evacuation: codec('evacuation', cluster.evacuationToWire, cluster.evacuationFromWire),
  PeerAddress: codec('peerAddress', (value) => value, cluster.peerAddressFromWire),
  Revocation: codec('revocation', (value) => value, revocation.revocationFromWire),
  Reader: codec('reader', (value) => value, peering.readerFromWire),
  Question: codec('question', access.questionWithAccessToWire, access.questionWithAccessFromWire),
  PeerVerdict: codec('peerVerdict', verdict.verdictToWire, verdict.verdictFromWire),
  ClusterReport: codec('clusterReport', cluster.clusterReportToWire, cluster.clusterReportFromWire),
  AppliedReport: codec('appliedReport', cluster.appliedReportToWire, cluster.appliedReportFromWire),
  ExportFact: codec('exportFact', service.exportFactToWire, service.exportFactFromWire),
  DnsSample: codec('dnsSample', (value) => value, cluster.dnsSampleFromWire),
  Answer: codec('answer', access.answerWithAccessToWire, access.answerWithAccessFromWire),
};

type Known = Exclude<SyncMessage, { readonly kind: 'unknown' | 'refusal' }>;

/** Field numbers of sync.proto, with their wire types. */
const ACK_FIELD = 26;
const TYPE_FIELD = 8;

export function encodeSyncMessage(message: SyncMessage): Uint8Array {
  if (message.kind === 'unknown') throw invalid('Sync message', `type ${message.typeNumber} is not known here and cannot be sent`);
  if (message.kind === 'refusal') {
    const ack = wire.Ack.encode({ type: 'RESOURCE_TYPE_UNSPECIFIED', nonce: message.nonce, error: message.error.slice(0, BOUNDS.textLength) }, new BinaryWriter().uint32(ACK_FIELD).fork());
    return ack.uint32(TYPE_FIELD).int32(message.typeNumber).join().finish();
  }
  return wire.SyncMessage.encode({ message: toWire(message) }).finish();
}

function toWire(message: Known): NonNullable<wire.SyncMessage['message']> {
  const type = resourceTypes.toWire(message.type);
  if (message.kind === 'subscribe') return { $case: 'subscribe', value: { type, known: message.known } };
  if (message.kind === 'ack') return { $case: 'ack', value: { type, nonce: message.nonce, error: message.error.slice(0, BOUNDS.textLength) } };
  const values = VALUES[message.type] as ValueCodec<SyncType>;
  const resources = message.resources.map((resource) => ({ name: resource.name, version: resource.version, value: values.encode(resource.value) }));
  return { $case: 'delta', value: { type, nonce: message.nonce, resources, removed: message.removed } };
}

/**
 * Throws TransportError InvalidRequest, naming field and value, for whatever is no message within the bounds. One resource that cannot be read is left out
 * and named in `problems`: it must not cost the stream, which would break again with each new one. Nor must a type of a newer version: what is about one is `unknown`.
 */
export function decodeSyncMessage(input: Uint8Array): SyncMessage {
  const message = present('Sync message', decodeWith('Sync message', (bytes) => wire.SyncMessage.decode(bytes), input).message);
  if (message.value.type === 'UNRECOGNIZED') {
    const nonce = message.$case === 'subscribe' ? '' : text(`${message.$case}.nonce`, message.value.nonce, BOUNDS.nameLength);
    return { kind: 'unknown', about: message.$case, typeNumber: decodeWith('Sync message', typeNumber, input), nonce };
  }
  const type = resourceTypes.fromWire(`${message.$case}.type`, message.value.type);
  if (message.$case === 'subscribe') return { kind: 'subscribe', type, known: textMap('subscribe.known', message.value.known, BOUNDS.knownResources, BOUNDS.nameLength) };
  if (message.$case === 'ack') return { kind: 'ack', type, nonce: text('ack.nonce', message.value.nonce, BOUNDS.nameLength), error: text('ack.error', message.value.error) };
  const nonce = name('delta.nonce', message.value.nonce);
  const problems: string[] = [];
  const resources = list('delta.resources', message.value.resources, BOUNDS.deltaResources).flatMap((resource, index) => {
    try {
      return [resourceFromWire(`delta.resources[${index}]`, type, resource)];
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      problems.push(error.message);
      return [];
    }
  });
  return { kind: 'delta', type, nonce, resources, removed: texts('delta.removed', message.value.removed, BOUNDS.deltaResources), ...(problems.length === 0 ? {} : { problems }) };
}

/** The number in the place of the type, which the generated decoder forgets where it has no name for it. */
function typeNumber(input: Uint8Array): number {
  const reader = new BinaryReader(input);
  let number = 0;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, field);
      continue;
    }
    const end = reader.uint32() + reader.pos;
    while (reader.pos < end) {
      const [inner, innerType] = reader.tag();
      if (inner === 1 && innerType === WireType.Varint) number = reader.int32();
      else reader.skip(innerType, inner);
    }
  }
  return number;
}

function resourceFromWire(field: string, type: SyncType, resource: wire.Resource): SyncResource {
  const resourceName = name(`${field}.name`, resource.name);
  const at = `${type} ${resourceName}`;
  const values = VALUES[type];
  const carried = present(`${at}: value`, resource.value);
  const value = values.decode(at, carried);
  if (value === undefined) throw invalid(at, `carries "${carried.$case}" where its type needs "${values.case}"`);
  return { name: resourceName, version: name(`${at}: version`, resource.version), value };
}
