/** The authority's state as `CertificateAuthority.status`. */
import type { AuthorityState, RootState } from '../../../certs/index.ts';
import type { CertificateAuthorityObject } from '../../../mesh/api/resources/authority.ts';
import { type Condition, type ConditionUpdate, setCondition } from '../../../mesh/model/condition.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { MAX_SHOWN_WAITING } from '../../../mesh/model/trust.ts';
import type { RotationPlan } from '../../../mesh/trust/rotation.ts';
import { conditionsOf } from '../views.ts';

type Status = NonNullable<CertificateAuthorityObject['status']>;
/** Condition: True where nothing waits for cert-manager. Absent where it is not asked. */
export const CERT_MANAGER = 'CertManager';
/** Problems that a signature ends. */
const WAITS: readonly string[] = ['NoIssuer', 'SignatureNeeded'];
const STATES = { prepared: 'Prepared', active: 'Active', old: 'Old' } as const;

/** `refusals`: what spec asks for and is not done. `plan` undefined: no rotation runs. `asked` undefined: nobody else's issuer is asked. */
export function authorityStatus(object: CertificateAuthorityObject, state: AuthorityState, plan: RotationPlan | undefined, refusals: readonly string[], asked: Update | undefined, now: Instant): Status {
  const { generation: observedGeneration = 0 } = object.metadata;
  const { rotation, finished, request } = state;
  return {
    observedGeneration, trustDomain: state.trustDomain, sequence: state.sequence,
    roots: state.roots.map((root) => ({ ...shown(root), trusted: root.trusted, key: root.key })),
    issuers: state.issuers.map((issuer) => ({ ...shown(issuer), root: issuer.root, signs: [...issuer.signs] })),
    ...(request === undefined ? {} : { request: { requestPem: request.requestPem, root: request.root, since: toRfc3339(request.since), hosts: [...request.hosts] } }),
    phase: rotation?.phase ?? 'Standby',
    ...(rotation === undefined ? {} : { rotation: { id: rotation.id, of: rotation.of, reason: rotation.reason, by: rotation.by, since: toRfc3339(rotation.since), back: rotation.back === true } }),
    ...(plan === undefined ? {} : { waitingFor: { count: plan.waiting.length, clusters: plan.waiting.slice(0, MAX_SHOWN_WAITING).map(({ cluster, why }) => ({ name: cluster, why })) } }),
    ...(finished === undefined ? {} : { finished: { id: finished.id, of: finished.of, at: toRfc3339(finished.at), back: finished.back === true } }),
    conditions: [...[ready(state, asked), accepted(refusals), rotating(state, plan), ...(asked === undefined ? [] : [asked])]
      .reduce<readonly Condition[]>((conditions, update) => setCondition(conditions, { ...update, observedGeneration }, now), conditionsOf(object).filter(({ type }) => asked !== undefined || type !== CERT_MANAGER))],
  };
}

function shown({ generation, subject, serial, fingerprint, notBefore, notAfter, state, taintedAt }: Omit<RootState, 'trusted' | 'key'>) {
  return { generation, subject, serial, fingerprint, notBefore: toRfc3339(notBefore), notAfter: toRfc3339(notAfter), state: STATES[state], ...(taintedAt === undefined ? {} : { taintedAt: toRfc3339(taintedAt) }) };
}

type Update = Omit<ConditionUpdate, 'observedGeneration'>;

function ready({ problems: [worst], request }: AuthorityState, asked: Update | undefined): Update {
  if (worst !== undefined && request !== undefined && asked !== undefined && WAITS.includes(worst.reason)) return { type: 'Ready', status: 'False', reason: worst.reason, message: `${worst.reason === 'NoIssuer' ? `${worst.message}; ` : ''}an issuing CA waits for cert-manager: ${asked.message}` };
  return worst === undefined
    ? { type: 'Ready', status: 'True', reason: 'Ready', message: 'everything that is due is done' }
    : { type: 'Ready', status: 'False', reason: worst.reason, message: worst.message };
}

function accepted(refusals: readonly string[]): Update {
  return refusals.length === 0
    ? { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'spec is done or being done' }
    : { type: 'Accepted', status: 'False', reason: 'Refused', message: refusals.join('; ').slice(0, 4096) };
}

function rotating({ rotation }: AuthorityState, plan: RotationPlan | undefined): Update {
  if (rotation === undefined || plan === undefined) return { type: 'Rotating', status: 'False', reason: 'Standby', message: 'no rotation is running' };
  const way = `${rotation.back === true ? 'on its way back, ' : ''}phase ${rotation.phase}`;
  if (plan.alarm !== undefined) return { type: 'Rotating', status: 'True', reason: 'Late', message: plan.alarm };
  return { type: 'Rotating', status: 'True', reason: rotation.phase, message: `rotation "${rotation.id}": ${way}: ${plan.why || 'goes on now'}` };
}
