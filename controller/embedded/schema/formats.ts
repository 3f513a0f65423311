/** String formats that kube-apiserver enforces (apiextensions-apiserver `supportedFormats`, kube-openapi `strfmt`). */
import { parseAddress } from '../builtin/addresses.ts';

const uuid = (version: string): RegExp => new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, 'i');
const matches = (pattern: RegExp) => (text: string): boolean => pattern.test(text);
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const DATE_TIME = /^(\d{4}-\d\d-\d\d)[Tt\s](\d\d):(\d\d):(\d\d)([.,]\d+)?([Zz]|[+-]\d\d:?\d\d)$/;
/** One label, or several of which the last is letters (go-openapi `strfmt`). */
const HOST = /^([a-z0-9\p{S}\p{L}](-?[a-z0-9\p{S}\p{L}]){0,62}|([a-z0-9\p{S}\p{L}]([a-z0-9\p{S}\p{L}-]{0,61}[a-z0-9\p{S}\p{L}])?\.)+[a-z\p{L}]{2,63})$/iu;
const GO_DURATION = /^[-+]?(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$/;
const LONG_DURATION = /^\s*(\d+(\.\d+)?\s*(ns|nano|us|µs|μs|micro|ms|milli|s|sec|m|min|h|hr|hour|d|day|w|wk|week)s?\s*)+$/;

function isDate(text: string): boolean {
  const [, year, month, day] = DATE.exec(text) ?? [];
  if (year === undefined) return false;
  const isLeap = Number(year) % 4 === 0 && (Number(year) % 100 !== 0 || Number(year) % 400 === 0);
  const days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][Number(month) - 1] ?? 0;
  return Number(day) >= 1 && Number(day) <= days;
}

function isDateTime(text: string): boolean {
  const [, date, hour, minute, second] = DATE_TIME.exec(text) ?? [];
  return date !== undefined && !/\s/.test(text) && isDate(date) && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60;
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...more] = text.split('/');
  const family = parseAddress(address)?.family;
  return more.length === 0 && family !== undefined && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 'IPv4' ? 32 : 128);
}

/** With leading zeros too, as kube-apiserver reads them. */
const isIpv4 = (text: string): boolean => /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) < 256);

/** An absolute URI, or a path that begins with a slash (Go's `url.ParseRequestURI`). */
const isUri = (text: string): boolean => text.startsWith('/') || /^[a-zA-Z][a-zA-Z0-9+.-]*:./.test(text);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const ANY = (): boolean => true;
const SHORT_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: matches(/^[0-9a-f]{24}$/i), byte: matches(BASE64), cidr: isCidr, date: isDate, 'date-time': isDateTime, 'micro-time': (text) => isDateTime(text) && /\.\d{6}(Z|[+-]\d\d:\d\d)$/.test(text), datetime: isDateTime,
  duration: (text) => GO_DURATION.test(text) || LONG_DURATION.test(text), email: matches(/^[^\s@<>()]+@[^\s@<>()]+$/), hostname: matches(HOST),
  ipv4: isIpv4, ipv6: (text) => parseAddress(text)?.family === 'IPv6', mac: matches(/^([0-9a-f]{2}([:-])(?:[0-9a-f]{2}\2){4}(?:(?:[0-9a-f]{2}\2){2})?[0-9a-f]{2}|([0-9a-f]{4}\.){2,3}[0-9a-f]{4})$/i),
  password: ANY, uri: isUri, uuid: matches(uuid('[0-9a-f]')), uuid3: matches(uuid('3')), uuid4: matches(uuid('4')), uuid5: matches(uuid('5')),
  isbn: ANY, isbn10: ANY, isbn13: ANY, creditcard: ANY, ssn: ANY, hexcolor: ANY, rgbcolor: ANY,
  'k8s-short-name': matches(SHORT_NAME), 'k8s-long-name': (text) => text.length <= 253 && text.split('.').every((part) => SHORT_NAME.test(part)),
};

/** Formats of numbers; they judge ranges. */
const NUMBERS = ['int32', 'int64', 'float', 'double'];

export const isKnownFormat = (format: string): boolean => Object.hasOwn(FORMATS, format) || NUMBERS.includes(format);

/** Unknown formats hold of everything. */
export const hasFormat = (format: string, text: string): boolean => (Object.hasOwn(FORMATS, format) ? FORMATS[format]?.(text) !== false : true);
