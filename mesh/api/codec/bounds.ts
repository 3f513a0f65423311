/** What a message may hold. Everything read from the wire passes one of these checks, so that a broken or hostile sender costs an error and nothing else. */
import { MAX_CAPABILITIES, MAX_CAPABILITY_LENGTH, MAX_CAPABILITY_VALUES, MAX_GPU_RESOURCES, MAX_REQUEST_GROUPS } from '../../model/cluster.ts';
import { MAX_REVOCATIONS } from '../../model/revocation.ts';
import { MAX_ENDPOINTS, MAX_GATEWAY_ADDRESSES, MAX_SERVICE_ADDRESSES, MAX_SERVICE_PORTS } from '../../model/service.ts';
import { TransportError } from '../../ports/transport.ts';

/** Counts of items, and lengths of texts in UTF-16 units. The whole message is at most 4 MiB (`MAX_MESSAGE_BYTES`). */
export const BOUNDS = {
  nameLength: 512,
  textLength: 8192,
  pemLength: 262_144,
  contentLength: 3 * 1024 * 1024,
  knownResources: 16_000,
  deltaResources: 500,
  endpoints: MAX_ENDPOINTS,
  addressesPerEndpoint: MAX_SERVICE_ADDRESSES,
  gatewayAddresses: MAX_GATEWAY_ADDRESSES,
  ports: MAX_SERVICE_PORTS,
  ipFamilies: 2,
  properties: 256,
  capabilities: MAX_CAPABILITIES,
  capabilityValues: MAX_CAPABILITY_VALUES,
  capabilityLength: MAX_CAPABILITY_LENGTH,
  gpuResources: MAX_GPU_RESOURCES,
  requestGroups: MAX_REQUEST_GROUPS,
  labelKeyLength: 317,
  labelValueLength: 63,
  podCidrs: 1024,
  ciliumSettings: 64,
  ciliumSettingLength: 256,
  clusters: 512,
  bundleContentLength: 1024 * 1024,
  bundleSignatures: 16,
  driftEntries: 1000,
  revocations: MAX_REVOCATIONS,
  lines: 1000,
  secretBytes: 64,
  csrBytes: 16_384,
  certificateRequests: 8,
  peerExports: 16_000,
} as const;

export const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export function invalid(field: string, problem: string): TransportError {
  return new TransportError('never', 'InvalidRequest', `${field}: ${problem}`);
}

/** Shown in errors: enough to find the value, never all of a long one. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

export function text(field: string, value: string, limit: number = BOUNDS.textLength): string {
  if (value.length > limit) throw invalid(field, `${quoted(value)} has ${value.length} characters; at most ${limit} are allowed`);
  return value;
}

/** A name: present and short. */
export function name(field: string, value: string): string {
  if (value === '') throw invalid(field, 'is empty; a name is needed');
  return text(field, value, BOUNDS.nameLength);
}

export function list<T>(field: string, values: readonly T[], limit: number): readonly T[] {
  if (values.length > limit) throw invalid(field, `has ${values.length} items; at most ${limit} are allowed`);
  return values;
}

export function texts(field: string, values: readonly string[], limit: number): readonly string[] {
  list(field, values, limit).forEach((value, index) => text(`${field}[${index}]`, value));
  return values;
}

export function textMap(field: string, values: Readonly<Record<string, string>>, limit: number, valueLimit: number): Readonly<Record<string, string>> {
  for (const [key, value] of list(field, Object.entries(values), limit)) text(`${field}[${quoted(name(field, key))}]`, value, valueLimit);
  return values;
}

/** Secrets pass here: the value itself is never in the error. */
export function bytes(field: string, value: Uint8Array, limit: number): Uint8Array {
  if (value.length === 0) throw invalid(field, 'is empty');
  if (value.length > limit) throw invalid(field, `has ${value.length} bytes; at most ${limit} are allowed`);
  return value;
}

export function wholeNumber(field: string, value: number, smallest: number, largest: number): number {
  if (!Number.isSafeInteger(value) || value < smallest || value > largest) throw invalid(field, `${value} is not a whole number from ${smallest} to ${largest}`);
  return value;
}

export const port = (field: string, value: number): number => wholeNumber(field, value, 1, 65_535);
/** Milliseconds since the Unix epoch. 8.64e15 is the last instant that has an RFC 3339 form in JavaScript. */
export const instant = (field: string, value: number): number => wholeNumber(field, value, 0, 8.64e15);

export function present<T>(field: string, value: T | undefined): T {
  if (value === undefined) throw invalid(field, 'is missing');
  return value;
}

/** Runs a generated decoder; whatever it throws (truncated, wrong wire type, number too large) becomes one clear error. */
export function decodeWith<T>(what: string, decode: (input: Uint8Array) => T, input: Uint8Array): T {
  if (input.length > MAX_MESSAGE_BYTES) throw invalid(what, `has ${input.length} bytes; at most ${MAX_MESSAGE_BYTES} are allowed`);
  try {
    return decode(input);
  } catch (error) {
    throw invalid(what, `cannot be read (${error instanceof Error ? error.message : String(error)}); the message was cut short or comes from something else than Isthmus`);
  }
}
