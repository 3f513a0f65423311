/** Which options of a list or watch go together (apimachinery `meta/internalversion/validation`), and what their versions mean. */
import type { StatusCause } from '../../mesh/ports/kubernetes.ts';
import { ApiProblem, badRequest, fieldForbidden, invalid, notSupported } from './problems.ts';
import type { ListRequest, WatchRequest } from './requests.ts';

const MATCH = 'resourceVersionMatch';

/** Throws 422. */
export function checkListOptions({ resourceVersion = '', resourceVersionMatch = '', continueToken = '', sendInitialEvents }: ListRequest): void {
  const causes: StatusCause[] = [];
  if (resourceVersionMatch !== '') {
    if (resourceVersion === '') causes.push(fieldForbidden(MATCH, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (continueToken !== '') causes.push(fieldForbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
    if (!['Exact', 'NotOlderThan'].includes(resourceVersionMatch)) causes.push(notSupported(MATCH, resourceVersionMatch.slice(0, 40), ['Exact', 'NotOlderThan', '']));
    if (resourceVersionMatch === 'Exact' && resourceVersion === '0') causes.push(fieldForbidden(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (sendInitialEvents !== undefined) causes.push(fieldForbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  refuse(causes);
}

/** Throws 422. */
export function checkWatchOptions({ resourceVersionMatch = '', continueToken = '', sendInitialEvents }: WatchRequest): void {
  const causes: StatusCause[] = [];
  if (sendInitialEvents !== undefined && resourceVersionMatch !== 'NotOlderThan') causes.push(fieldForbidden(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (resourceVersionMatch !== '') {
    if (sendInitialEvents === undefined) causes.push(fieldForbidden(MATCH, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    if (resourceVersionMatch !== 'NotOlderThan') causes.push(notSupported(MATCH, resourceVersionMatch.slice(0, 40), ['NotOlderThan']));
  }
  if (continueToken !== '') causes.push(fieldForbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
  refuse(causes);
}

function refuse(causes: readonly StatusCause[]): void {
  if (causes.length > 0) throw invalid({ group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' }, '', causes);
}

/** Empty and `0` are 0: any version will do. */
export function parseVersion(text: string): number {
  if (text === '') return 0;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text.slice(0, 40))}: it is no number that this server gives out`);
  return Number(text);
}

/** Throws 504 for a version that is yet to come. */
export function checkReached(asked: number, current: number): void {
  if (asked > current) throw new ApiProblem(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {}, [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], 1);
}
