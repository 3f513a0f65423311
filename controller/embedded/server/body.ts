/** Request bodies: bounded; JSON, YAML or protobuf. */
import type { IncomingMessage } from 'node:http';
import { LineCounter, parseDocument } from 'yaml';
import { ApiProblem, badRequest, unsupportedMediaType } from '../problems.ts';
import { duplicateFields, duplicateKeys } from './duplicates.ts';
import { fromProtobuf } from './protobuf.ts';

/** As kube-apiserver's limit. */
const MOST_BYTES = 3 * 1024 * 1024;
const DEEPEST = 100;

/** undefined: empty. `duplicates` gets what the text says twice. */
export async function readBody(request: IncomingMessage, duplicates?: string[]): Promise<unknown> {
  const tooLarge = (): ApiProblem => new ApiProblem(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MOST_BYTES}`);
  if (Number(request.headers['content-length'] ?? 0) > MOST_BYTES) throw tooLarge();
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw unsupportedMediaType(`content-encoding ${JSON.stringify(encoding.slice(0, 40))} is not read here; send the body uncompressed`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  const type = mediaType(request);
  if (type === 'application/vnd.kubernetes.protobuf') return fromProtobuf(Buffer.concat(chunks));
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw badRequest('the body is not UTF-8');
  }
  const value = type.endsWith('yaml') ? fromYaml(text, duplicates) : type.endsWith('json') || type === '' || type === 'text/plain' ? fromJson(text) : undefined;
  if (value === undefined) throw unsupportedMediaType(`the body of the request was in an unknown format - accepted media types include: application/json, application/yaml (got ${JSON.stringify(type)})`);
  if (duplicates !== undefined && type.endsWith('json')) duplicates.push(...duplicateFields(text));
  if (!isShallow(value, DEEPEST)) throw badRequest(`the body is nested more than ${DEEPEST} levels deep`);
  return value;
}

export const mediaType = (request: IncomingMessage): string => (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`couldn't parse the body as JSON: ${reason(error)}`);
  }
}

function fromYaml(text: string, duplicates: string[] = []): unknown {
  try {
    const lineCounter = new LineCounter();
    const document = parseDocument(text, { uniqueKeys: false, lineCounter });
    if (document.errors[0] !== undefined) throw document.errors[0];
    duplicates.push(...duplicateKeys(document, lineCounter));
    return document.toJS({ maxAliasCount: 0 }) as unknown ?? null;
  } catch (error) {
    throw badRequest(`couldn't parse the body as YAML: ${reason(error)}`);
  }
}

/** First line only, without the quoted source: a body may hold secrets. */
const reason = (error: unknown): string => (error instanceof Error ? (error.message.split('\n')[0] ?? '').replace(/,? ?(\.\.\.)?"[^]*$/, '').slice(0, 120) : 'unreadable');

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((child) => isShallow(child, levels - 1));
}
