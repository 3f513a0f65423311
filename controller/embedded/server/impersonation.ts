/** Acting as another (`kubectl --as`, `--as-group`): whom the headers name, and whether the caller may, under the verb `impersonate`. */
import type { IncomingMessage } from 'node:http';
import { ApiProblem, badRequest } from '../problems.ts';
import { AUTHENTICATED, type User } from '../rbac/authority.ts';
import type { Attributes } from '../rbac/rules.ts';
import { ANONYMOUS } from './authentication.ts';

const EXTRA = 'impersonate-extra-';
const ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;
const MOST_HEADERS = 64;

/** The user to act as; the caller where no header names one. `demand` throws 403. */
export function impersonated(caller: User, request: IncomingMessage, demand: (caller: User, asked: Attributes) => void): User {
  // Not `headers`: that joins several groups into one text.
  const headers = request.headersDistinct;
  const names = Object.keys(headers).filter((name) => name.startsWith('impersonate-'));
  if (names.length === 0) return caller;
  if (names.reduce((count, name) => count + (headers[name]?.length ?? 0), 0) > MOST_HEADERS) throw badRequest(`more than ${MOST_HEADERS} headers of impersonation`);
  const name = headers['impersonate-user']?.[0] ?? '';
  const uid = headers['impersonate-uid']?.[0] ?? '';
  const groups = headers['impersonate-group'] ?? [];
  const extra = Object.fromEntries(names.filter((each) => each.startsWith(EXTRA)).map((each) => [keyOf(each.slice(EXTRA.length)), headers[each] ?? []] as const));
  const odd = names.find((each) => !['impersonate-user', 'impersonate-uid', 'impersonate-group'].includes(each) && !each.startsWith(EXTRA));
  if (odd !== undefined) throw badRequest(`unknown header ${JSON.stringify(odd.slice(0, 80))}: impersonation takes Impersonate-User, Impersonate-Group, Impersonate-Uid and Impersonate-Extra-…`);
  if (name === '') throw badRequest('requested groups, uid or extra without impersonating a user name');

  const account = ACCOUNT.exec(name);
  const ask = (group: string, resource: string, subresource: string, what: string, namespace = ''): void => demand(caller, { verb: 'impersonate', group, resource, subresource, namespace, name: what });
  if (account === null) ask('', 'users', '', name);
  else ask('', 'serviceaccounts', '', account[2] ?? '', account[1]);
  for (const group of groups) ask('', 'groups', '', group);
  for (const [key, values] of Object.entries(extra)) for (const value of values) ask('authentication.k8s.io', 'userextras', key, value);
  if (uid !== '') ask('authentication.k8s.io', 'uids', '', uid);

  const own = groups.length > 0 ? groups : account === null ? [] : ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`];
  const standing = name === ANONYMOUS.name ? [...ANONYMOUS.groups] : [AUTHENTICATED];
  const isStanding = own.includes(AUTHENTICATED) || own.some((group) => ANONYMOUS.groups.includes(group));
  return { name, uid, groups: isStanding ? own : [...own, ...standing], extra };
}

function keyOf(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ApiProblem(400, 'BadRequest', 'an Impersonate-Extra header is not percent-encoded');
  }
}
