/** Answers in the form the caller accepts: objects, lists, tables or metadata alone. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { cellsOf, columnsOf, type IncludedObject, partialMetadata, tableOf } from '../documents/table.ts';
import type { JsonObject } from '../json.ts';
import { apiVersionIn } from '../kinds.ts';
import { ApiProblem, badRequest, statusOf } from '../problems.ts';
import type { Listing } from '../reads.ts';
import type { Target } from '../target.ts';
import { type SlicedBody, SLICE_CHARACTERS, SLICE_STEPS } from './turns.ts';

export type Form = 'object' | 'table' | 'metadata';
/** What is answered with: some forms exist for one of them only. */
export type Answered = 'object' | 'list' | 'watch';

export const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-cache, private' };

/** First acceptable of the `Accept` header. Throws 406 where there is none. */
export function formOf(request: IncomingMessage, answered: Answered): Form {
  const accept = request.headers.accept ?? '';
  if (accept.trim() === '') return 'object';
  for (const clause of accept.split(',')) {
    const [type = '', ...parameters] = clause.split(';').map((part) => part.trim());
    if (!['application/json', '*/*'].includes(type)) continue;
    const asked = new Map(parameters.map((parameter) => parameter.split('=', 2) as [string, string]));
    const as = asked.get('as');
    if (as === undefined) return 'object';
    if (asked.get('g') !== 'meta.k8s.io' || asked.get('v') !== 'v1') continue;
    if (as === 'Table') return 'table';
    if (as === 'PartialObjectMetadata' && answered === 'list') throw notAcceptable('you requested PartialObjectMetadata, but the requested object is a list');
    if (as === 'PartialObjectMetadataList' && answered !== 'list') throw notAcceptable('you requested PartialObjectMetadataList, but the requested object is not a list');
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return 'metadata';
  }
  throw notAcceptable(`only the following media types are accepted: application/json${answered === 'watch' ? ';stream=watch' : ''}`);
}

export const notAcceptable = (message: string): ApiProblem => new ApiProblem(406, 'NotAcceptable', message);

export function includedOf(query: URLSearchParams): IncludedObject {
  const asked = query.get('includeObject') ?? '';
  if (asked === '') return 'Metadata';
  if (asked === 'Object' || asked === 'None' || asked === 'Metadata') return asked;
  throw badRequest(`Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(asked.slice(0, 40))}: must be 'Metadata', 'Object', 'None', or empty`);
}

export function sendJson(response: ServerResponse, code: number, body: unknown, headers: Readonly<Record<string, string | readonly string[]>> = {}): void {
  if (response.headersSent || response.destroyed) return;
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(code, { ...JSON_HEADERS, 'content-length': Buffer.byteLength(text), ...headers as Record<string, string | string[]> });
  response.end(text);
}

export function sendProblem(response: ServerResponse, error: unknown): number {
  const { code, body, retryAfterSeconds } = statusOf(error);
  sendJson(response, code, body, retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) });
  return code;
}

/** Of what the answer tells besides; in place of what was said before. */
export function warn(response: ServerResponse, warnings: readonly string[]): void {
  if (warnings.length > 0) response.setHeader('warning', warnings.slice(0, 20).map((text) => `299 - ${JSON.stringify(text)}`));
}

export function shapeObject(form: Form, { kind }: Target, object: JsonObject, now: number, include: IncludedObject): unknown {
  if (form === 'table') return tableOf(kind, [object], now, { resourceVersion: (object['metadata'] as JsonObject)['resourceVersion'] }, include);
  return form === 'metadata' ? partialMetadata(object) : object;
}

/** Sends the list slice by slice; what it needs to know of the whole stands at its end. */
export async function sendList(body: SlicedBody, form: Form, target: Target, { objects, resourceVersion }: Listing, now: number, include: IncludedObject): Promise<void> {
  const { head, item } = listForm(form, target, now, include);
  let text = head;
  let steps = 0;
  for (let separator = ''; ;) {
    if (steps === 0 && !(await body.ready())) return;
    const step = objects.next();
    if (step.done === true) {
      const { continueToken, remaining } = step.value;
      const metadata = { resourceVersion, ...(continueToken === undefined ? {} : { continue: continueToken }), ...(remaining === undefined ? {} : { remainingItemCount: remaining }) };
      body.end(`${text}],"metadata":${JSON.stringify(metadata)}}\n`);
      return;
    }
    if (step.value !== undefined) {
      text += separator + JSON.stringify(item(step.value));
      separator = ',';
    }
    steps += 1;
    if (steps < SLICE_STEPS && text.length < SLICE_CHARACTERS) continue;
    body.write(text);
    text = '';
    steps = 0;
  }
}

function listForm(form: Form, { kind, version }: Target, now: number, include: IncludedObject): { readonly head: string; readonly item: (object: JsonObject) => unknown } {
  const opened = (names: object, items: string): string => `${JSON.stringify(names).slice(0, -1)},"${items}":[`;
  if (form === 'table') return { head: opened({ kind: 'Table', apiVersion: 'meta.k8s.io/v1', columnDefinitions: columnsOf(kind) }, 'rows'), item: (object) => cellsOf(kind, object, now, include) };
  if (form === 'metadata') return { head: opened({ kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' }, 'items'), item: partialMetadata };
  return {
    head: opened({ kind: `${kind.kind}List`, apiVersion: apiVersionIn(kind, version) }, 'items'),
    // As Go's types: items of a typed list do not say what they are.
    item: kind.builtIn ? ({ apiVersion: _apiVersion, kind: _kind, ...rest }) => rest : (object) => object,
  };
}
