/** Refusals with the codes, reasons and texts of kube-apiserver (apimachinery `api/errors`, `util/validation/field`). */
import { KubernetesError, type StatusCause } from '../../mesh/ports/kubernetes.ts';

export interface ProblemDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
}

export class ApiProblem extends KubernetesError {
  readonly details: ProblemDetails;
  constructor(code: number, reason: string, message: string, details: ProblemDetails = {}, causes: readonly StatusCause[] = [], retryAfterSeconds?: number) {
    super(code, reason, message, causes, retryAfterSeconds);
    this.details = details;
  }
}

interface Named { readonly group: string; readonly plural: string; readonly kind: string }

const resource = (kind: Named): string => (kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`);
const details = (kind: Named, name: string): ProblemDetails => ({ name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural });

export const notFound = (kind: Named, name: string): ApiProblem =>
  new ApiProblem(404, 'NotFound', `${resource(kind)} ${JSON.stringify(name)} not found`, details(kind, name));

export const noSuchResource = (why?: string): ApiProblem => new ApiProblem(404, 'NotFound', `the server could not find the requested resource${why === undefined ? '' : `: ${why}`}`);

export const alreadyExists = (kind: Named, name: string): ApiProblem =>
  new ApiProblem(409, 'AlreadyExists', `${resource(kind)} ${JSON.stringify(name)} already exists`, details(kind, name));

export const conflict = (kind: Named, name: string, why: string): ApiProblem =>
  new ApiProblem(409, 'Conflict', `Operation cannot be fulfilled on ${resource(kind)} ${JSON.stringify(name)}: ${why}`, details(kind, name));

export const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

export const badRequest = (message: string): ApiProblem => new ApiProblem(400, 'BadRequest', message);

export const forbidden = (kind: Named, name: string, why: string): ApiProblem =>
  new ApiProblem(403, 'Forbidden', `${resource(kind)} ${JSON.stringify(name)} is forbidden: ${why}`, details(kind, name));

/** A list that cannot go on consistently; `continueToken` goes on all the same. */
class ExpiredProblem extends ApiProblem {
  readonly continueToken: string | undefined;
  constructor(message: string, continueToken: string | undefined) {
    super(410, 'Expired', message);
    this.continueToken = continueToken;
  }
}

export const expired = (message: string, continueToken?: string): ApiProblem => new ExpiredProblem(message, continueToken);

export const unsupportedMediaType = (message: string): ApiProblem => new ApiProblem(415, 'UnsupportedMediaType', message);

export const notImplemented = (message: string): ApiProblem => new ApiProblem(501, 'NotImplemented', message);

export const methodNotAllowed = (message = 'the server does not allow this method on the requested resource'): ApiProblem =>
  new ApiProblem(405, 'MethodNotAllowed', message);

export function invalid(kind: Named, name: string, causes: readonly StatusCause[]): ApiProblem {
  // As kube-apiserver: what two causes say alike is told once.
  const texts = [...new Set(causes.map((cause) => `${cause.field}: ${cause.message}`))];
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const full = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  return new ApiProblem(422, 'Invalid', `${full} ${JSON.stringify(name)} is invalid: ${text}`, { ...(name === '' ? {} : { name }), ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.kind }, causes);
}

/** How a value is shown in a cause: objects by their type, as kube-apiserver does. */
const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > 256 ? `${text.slice(0, 256)}…` : text;
};

export const invalidValue = (field: string, value: unknown, message: string): StatusCause =>
  ({ reason: 'FieldValueInvalid', field, message: `Invalid value: ${shown(value)}: ${message}` });
export const typeInvalid = (field: string, value: unknown, message: string): StatusCause =>
  ({ reason: 'FieldValueTypeInvalid', field, message: `Invalid value: ${JSON.stringify(Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : value === null ? 'null' : typeof value)}: ${message}` });
export const required = (field: string, message = ''): StatusCause =>
  ({ reason: 'FieldValueRequired', field, message: message === '' ? 'Required value' : `Required value: ${message}` });
export const notSupported = (field: string, value: unknown, allowed: readonly unknown[]): StatusCause =>
  ({ reason: 'FieldValueNotSupported', field, message: `Unsupported value: ${shown(value)}: supported values: ${allowed.map((item) => JSON.stringify(String(item))).join(', ')}` });
export const duplicate = (field: string, value: unknown): StatusCause =>
  ({ reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${shown(value)}` });
export const fieldForbidden = (field: string, message: string): StatusCause =>
  ({ reason: 'FieldValueForbidden', field, message: `Forbidden: ${message}` });
export const tooLong = (field: string, bytes: number): StatusCause =>
  ({ reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${bytes} bytes` });
export const tooMany = (field: string, count: number, most: number): StatusCause =>
  ({ reason: 'FieldValueTooMany', field, message: `Too many: ${count}: must have at most ${most} items` });

/** The `Status` object of a refusal. */
export function statusOf(error: unknown): { readonly code: number; readonly body: object; readonly retryAfterSeconds: number | undefined } {
  if (!(error instanceof KubernetesError)) {
    return { code: 500, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'Internal error occurred', reason: 'InternalError', code: 500 }, retryAfterSeconds: undefined };
  }
  const extra = error instanceof ApiProblem ? error.details : {};
  const status = {
    kind: 'Status', apiVersion: 'v1', metadata: error instanceof ExpiredProblem && error.continueToken !== undefined ? { continue: error.continueToken } : {},
    status: 'Failure', message: error.message, ...(error.reason === '' ? {} : { reason: error.reason }),
    ...(Object.keys(extra).length === 0 && error.causes.length === 0 && error.retryAfterSeconds === undefined ? {} : {
      details: {
        ...extra,
        ...(error.causes.length === 0 ? {} : { causes: error.causes }),
        ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
      },
    }),
    code: error.code,
  };
  return { code: error.code, body: status, retryAfterSeconds: error.retryAfterSeconds };
}
