/** DER building blocks over `forge.asn1`. forge holds bytes as text, one character a byte (latin1). */
import forge from 'node-forge';
import { type Instant, toRfc3339 } from '../../mesh/model/instant.ts';

const { asn1 } = forge;
export type Asn1 = forge.asn1.Asn1;

const { CONTEXT_SPECIFIC, UNIVERSAL } = asn1.Class;
const { Type } = asn1;

const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const toBytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

const primitive = (type: forge.asn1.Type, value: string): Asn1 => asn1.create(UNIVERSAL, type, false, value);

export const sequence = (...items: readonly Asn1[]): Asn1 => asn1.create(UNIVERSAL, Type.SEQUENCE, true, [...items]);
export const set = (...items: readonly Asn1[]): Asn1 => asn1.create(UNIVERSAL, Type.SET, true, [...items]);
/** Encoded once: the few that we write are constants. */
const identifiers = new Map<string, string>();
export function objectIdentifier(dotted: string): Asn1 {
  const encoded = identifiers.get(dotted) ?? asn1.oidToDer(dotted).getBytes();
  identifiers.set(dotted, encoded);
  return primitive(Type.OID, encoded);
}
/** Big-endian two's complement: a first byte of 0x80 or more would be a negative number. */
export const integer = (bytes: Uint8Array): Asn1 => primitive(Type.INTEGER, toText(bytes));
export const smallInteger = (value: number): Asn1 => integer(Uint8Array.of(value));
export const booleanTrue = (): Asn1 => primitive(Type.BOOLEAN, '\xff');
export const nothing = (): Asn1 => primitive(Type.NULL, '');
export const octets = (bytes: Uint8Array): Asn1 => primitive(Type.OCTETSTRING, toText(bytes));
export const utf8 = (text: string): Asn1 => primitive(Type.UTF8, toText(Buffer.from(text, 'utf8')));
export const bits = (bytes: Uint8Array, unused = 0): Asn1 => primitive(Type.BITSTRING, String.fromCharCode(unused) + toText(bytes));
export const tagged = (tag: number, content: readonly Asn1[] | Uint8Array): Asn1 =>
  content instanceof Uint8Array
    ? asn1.create(CONTEXT_SPECIFIC, tag as forge.asn1.Type, false, toText(content))
    : asn1.create(CONTEXT_SPECIFIC, tag as forge.asn1.Type, true, [...content]);

/** Whole seconds; UTCTime until 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function time(instant: Instant): Asn1 {
  const text = `${toRfc3339(instant).slice(0, 19).replace(/[-:T]/g, '')}Z`;
  return text < '2050' ? primitive(Type.UTCTIME, text.slice(2)) : primitive(Type.GENERALIZEDTIME, text);
}

export const encode = (value: Asn1): Uint8Array => toBytes(asn1.toDer(value).getBytes());

/** A SEQUENCE of values that are encoded already, without reading them. */
export function sequenceOf(...encoded: readonly Uint8Array[]): Uint8Array {
  const length = encoded.reduce((sum, part) => sum + part.length, 0);
  const digits = length < 0x80 ? [] : length < 0x100 ? [length] : length < 0x10000 ? [length >> 8, length & 0xff] : [length >> 16, (length >> 8) & 0xff, length & 0xff];
  return new Uint8Array(Buffer.concat([Uint8Array.of(0x30, ...(digits.length === 0 ? [length] : [0x80 | digits.length, ...digits])), ...encoded]));
}

/**
 * Throws where `der` is not exactly one value in DER. forge itself accepts indefinite and overlong lengths and normalises them, so what it read must
 * encode to the same bytes; and it must not look into BIT STRINGs, where one key in 256 would be taken for nested ASN.1.
 */
export function decode(der: Uint8Array): Asn1 {
  const options = { strict: true, parseAllBytes: true, decodeBitStrings: false, maxDepth: 16 };
  const value = asn1.fromDer(toText(der), options as unknown as boolean);
  if (toText(encode(value)) !== toText(der)) throw new Error('is not DER: it has a second encoding');
  return value;
}

/** The parts of a constructed value; throws for a primitive one or another tag. */
export function parts(value: Asn1 | undefined, tag: number = Type.SEQUENCE, tagClass: 'universal' | 'context' = 'universal'): readonly Asn1[] {
  if (value === undefined || !has(value, tag, tagClass) || !Array.isArray(value.value)) throw new Error(`expected a constructed ASN.1 value with tag ${tag}`);
  return value.value;
}

/** The bytes of a primitive value; throws for a constructed one or another tag. */
export function content(value: Asn1 | undefined, tag: number, tagClass: 'universal' | 'context' = 'universal'): Uint8Array {
  if (value === undefined || !has(value, tag, tagClass) || typeof value.value !== 'string' || value.constructed) {
    throw new Error(`expected a primitive ASN.1 value with tag ${tag}`);
  }
  return toBytes(value.value);
}

export const has = (value: Asn1, tag: number, tagClass: 'universal' | 'context' = 'universal'): boolean =>
  value.type === (tag as forge.asn1.Type) && value.tagClass === (tagClass === 'universal' ? UNIVERSAL : CONTEXT_SPECIFIC);

/** Throws for digits with zeros before them, too: one identifier has one encoding. */
export function oidText(value: Asn1 | undefined): string {
  const encoded = toText(content(value, Type.OID));
  const dotted = asn1.derToOid(encoded);
  if (asn1.oidToDer(dotted).getBytes() !== encoded) throw new Error('an object identifier is not in its shortest form');
  return dotted;
}
export const TAG = { boolean: 1, integer: 2, bits: 3, octets: 4, oid: 6, utf8: 12, sequence: 16, set: 17, printable: 19, ia5: 22, utcTime: 23, generalizedTime: 24 } as const;
