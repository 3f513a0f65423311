/** "May I?" and "who am I?": `kubectl auth can-i` and `kubectl auth whoami`. Nothing is stored. */
import { type JsonObject, objectAt, textAt } from '../json.ts';
import type { Caller } from './access.ts';
import { mayDo } from './access.ts';

/** undefined: not one of these paths. */
export function review(path: string, body: JsonObject, caller: Caller): JsonObject | undefined {
  if (path === '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews') {
    const asked = objectAt(objectAt(body, 'spec'), 'resourceAttributes');
    const text = (key: string): string | undefined => textAt(asked, key) === '' ? undefined : textAt(asked, key);
    const allowed = mayDo(caller, text('verb') ?? '', {
      group: text('group') ?? '', version: text('version') ?? '', plural: text('resource') ?? '', namespace: text('namespace'), name: text('name'), subresource: text('subresource'),
    });
    return { ...body, apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', status: { allowed, ...(allowed ? {} : { reason: 'no rule of this token allows it' }) } };
  }
  if (path === '/apis/authentication.k8s.io/v1/selfsubjectreviews') {
    return { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: {}, status: { userInfo: { username: caller.user, groups: caller.groups } } };
  }
  return undefined;
}
