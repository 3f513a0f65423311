/** Answers in the form the caller accepts: objects, lists, tables or metadata alone. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type IncludedObject, partialMetadata, tableOf } from '../documents/table.ts';
import type { JsonObject } from '../json.ts';
import { apiVersionIn } from '../kinds.ts';
import { statusOf } from '../problems.ts';
import type { Page } from '../requests.ts';
import type { Target } from '../target.ts';

export type Form = 'object' | 'table' | 'metadata';

/** First acceptable of the `Accept` header; whatever else is asked for gets plain JSON. */
export function formOf(request: IncomingMessage): Form {
  for (const part of (request.headers.accept ?? '').split(',')) {
    if (!part.trim().startsWith('application/json')) continue;
    // Tables and metadata exist in v1 only.
    if (/;\s*as=/.test(part) && !/;\s*v=v1\s*(;|$)/.test(part)) continue;
    if (/;\s*as=Table\b/.test(part)) return 'table';
    if (/;\s*as=PartialObjectMetadata(List)?\b/.test(part)) return 'metadata';
    return 'object';
  }
  return 'object';
}

export const includedOf = (query: URLSearchParams): IncludedObject => {
  const asked = query.get('includeObject');
  return asked === 'Object' || asked === 'None' ? asked : 'Metadata';
};

export function sendJson(response: ServerResponse, code: number, body: unknown, headers: Readonly<Record<string, string | readonly string[]>> = {}): void {
  if (response.headersSent || response.destroyed) return;
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-cache, private', 'content-length': Buffer.byteLength(text), ...headers as Record<string, string | string[]> });
  response.end(text);
}

export function sendProblem(response: ServerResponse, error: unknown): number {
  const { code, body, retryAfterSeconds } = statusOf(error);
  sendJson(response, code, body, retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) });
  return code;
}

export function shapeObject(form: Form, { kind }: Target, object: JsonObject, now: number, include: IncludedObject): unknown {
  if (form === 'table') return tableOf(kind, [object], now, { resourceVersion: (object['metadata'] as JsonObject)['resourceVersion'] }, include);
  return form === 'metadata' ? partialMetadata(object) : object;
}

export function shapeList(form: Form, { kind, version }: Target, page: Page, now: number, include: IncludedObject): unknown {
  const metadata: JsonObject = {
    resourceVersion: page.resourceVersion,
    ...(page.continueToken === undefined ? {} : { continue: page.continueToken }),
    ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
  };
  if (form === 'table') return tableOf(kind, page.items, now, metadata, include);
  if (form === 'metadata') return { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata, items: page.items.map(partialMetadata) };
  return { kind: `${kind.kind}List`, apiVersion: apiVersionIn(kind, version), metadata, items: page.items };
}
