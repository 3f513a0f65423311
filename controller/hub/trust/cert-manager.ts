/** Has the issuing CAs signed by an issuer of cert-manager: the authority's open request ↔ CertificateRequests of the hub's namespace. It never approves one. */
import { type Authority, AuthorityRefusal } from '../../../certs/index.ts';
import { FLEET_AUTHORITY } from '../../../mesh/api/resources/authority.ts';
import { CertificateRequest, type CertificateRequestObject, type IssuerReference } from '../../../mesh/api/resources/cert-manager.ts';
import type { ConditionUpdate } from '../../../mesh/model/condition.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { type Asked, type AskPlan, planAsking } from '../../../mesh/trust/asked-issuer.ts';
import { createLoop } from '../../runtime/loop.ts';
import { notServed } from '../../runtime/served.ts';
import type { HubPorts } from '../ports.ts';
import { readAsked } from './asked.ts';
import { CERT_MANAGER } from './status.ts';

const MADE_FOR = 'isthmus.dev/made-for';
const ISSUING = 'issuing-ca';
const ATTEMPT = 'isthmus.dev/attempt';
const SELECTOR = `app.kubernetes.io/managed-by=${HUB_FIELD_MANAGER},${MADE_FOR}=${ISSUING}`;
const HOUR = 3_600_000;
const LIFETIME_HOURS = 90 * 24;
const AGAIN_MILLISECONDS = 60_000;
const MOST_LISTED = 100;
/** By which an admission webhook or a policy refuses an object. */
const NOT_TAKEN = [400, 403, 422];

type Update = Omit<ConditionUpdate, 'observedGeneration'>;
interface Turn { readonly reason: string; readonly message: string; readonly requeueAt?: Instant | undefined }

export interface CertManagerParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'digest'>;
  readonly authority: Authority;
  readonly namespace: string;
  readonly issuer: IssuerReference;
  /** Called when what `condition` says is another. */
  readonly onChange: () => void;
}

export interface AskedIssuer {
  start(signal: CancelSignal): Promise<void>;
  /** What waits, or was denied and by whom. */
  condition(): Update;
}

export function createCertManager({ ports, authority, namespace, issuer, onChange }: CertManagerParts): AskedIssuer {
  const { clock, kubernetes, log, digest } = ports;
  let said: Update = { type: CERT_MANAGER, status: 'Unknown', reason: 'Starting', message: 'not looked at yet' };
  /** What was signed and is not used, by UID. */
  let refused = new Map<string, string>();

  function say({ reason, message }: Pick<Turn, 'reason' | 'message'>): void {
    const text = message.slice(0, 4096);
    if (reason === said.reason && text === said.message) return;
    said = { type: CERT_MANAGER, status: reason === 'Idle' ? 'True' : 'False', reason, message: text };
    if (['Denied', 'Failed', 'Refused', 'NotInstalled', 'Forbidden', 'NotTaken'].includes(reason)) log.warn({ reason, problem: text }, 'cert-manager has not signed the issuing certificate authority');
    else log.info({ reason, message: text }, 'the issuing certificate authority and cert-manager');
    onChange();
  }

  const remove = (object: CertificateRequestObject, signal: CancelSignal): Promise<void> =>
    kubernetes.delete(CertificateRequest, { namespace, name: object.metadata.name }, object.metadata.uid === undefined ? {} : { uid: object.metadata.uid }, signal);

  async function turn(signal: CancelSignal): Promise<Turn> {
    const { items } = await kubernetes.list<CertificateRequestObject>(CertificateRequest, { namespace, labelSelector: SELECTOR, limit: MOST_LISTED }, signal);
    const { request } = authority.state();
    const content = request === undefined ? undefined : Buffer.from(request.requestPem, 'utf8').toString('base64');
    const mine = items.filter(({ spec }) => content !== undefined && spec.request === content && isOf(spec.issuerRef, issuer));
    for (const object of items) if (!mine.includes(object)) await remove(object, signal);
    refused = new Map([...refused].filter(([uid]) => mine.some(({ metadata }) => metadata.uid === uid)));
    const asked = mine.map((object): Asked => {
      const refusal = refused.get(object.metadata.uid ?? '');
      return { ...readAsked(object, Number(object.metadata.labels?.[ATTEMPT] ?? '1') || 1, clock.now()), ...(refusal === undefined ? {} : { refusal }) };
    });
    const plan = planAsking(request !== undefined, asked, clock.now());
    for (const object of mine) if (plan.remove.includes(object.metadata.name)) await remove(object, signal);
    const taken = mine.find(({ metadata }) => metadata.name === plan.take);
    if (taken !== undefined) return install(taken, plan, signal);
    if (plan.create !== undefined && request !== undefined && content !== undefined) await create(plan.create, request.root, content, signal);
    return { ...plan, requeueAt: plan.nextAt };
  }

  async function install({ metadata: { name, uid = '' }, status }: CertificateRequestObject, { nextAt }: AskPlan, signal: CancelSignal): Promise<Turn> {
    const before = authority.state().request?.requestPem;
    const text = [status?.certificate, status?.ca].map((pem) => Buffer.from(pem ?? '', 'base64').toString('utf8').trim()).filter((pem) => pem !== '').join('\n');
    try {
      const { request } = await authority.install(once(text), signal);
      if (request === undefined || request.requestPem !== before) return { reason: 'Signed', message: `CertificateRequest ${name} is signed and in use`, requeueAt: clock.now() };
      refused.set(uid, 'it is one that was brought before');
    } catch (error) {
      if (!(error instanceof AuthorityRefusal)) throw error;
      refused.set(uid, error.message);
    }
    return { reason: 'Refused', message: `CertificateRequest ${name} was signed, and what came is not used: ${refused.get(uid) ?? ''}`, requeueAt: nextAt };
  }

  async function create(attempt: number, rootGeneration: number, content: string, signal: CancelSignal): Promise<void> {
    const root = authority.state().roots.find(({ generation }) => generation === rootGeneration);
    const hours = Math.min(LIFETIME_HOURS, Math.floor(((root?.notAfter ?? Infinity) - clock.now()) / HOUR) - 1);
    const object: CertificateRequestObject = {
      apiVersion: 'cert-manager.io/v1', kind: 'CertificateRequest',
      metadata: {
        namespace, name: `isthmus-issuing-ca-${digest(`${content} ${issuer.group}/${issuer.kind}/${issuer.name}`).slice(0, 12)}-${attempt}`,
        labels: { 'app.kubernetes.io/managed-by': HUB_FIELD_MANAGER, [MADE_FOR]: ISSUING, [ATTEMPT]: String(attempt) },
      },
      spec: { request: content, isCA: true, usages: ['cert sign', 'crl sign', 'digital signature'], duration: `${hours}h0m0s`, issuerRef: issuer },
    };
    try {
      await kubernetes.create(CertificateRequest, object, { fieldManager: HUB_FIELD_MANAGER }, signal);
    } catch (error) {
      // Ours is found by its labels, so this one is somebody else's.
      if (error instanceof KubernetesError && error.reason === 'AlreadyExists') throw new NotTaken(`CertificateRequest ${object.metadata.name} is there and is not this hub's: delete it`);
      if (error instanceof KubernetesError && NOT_TAKEN.includes(error.code)) throw new NotTaken(`CertificateRequest ${object.metadata.name} was not taken: ${error.message}`);
      throw error;
    }
  }

  async function reconcile(_key: string, signal: CancelSignal): Promise<{ readonly requeueAt?: Instant | undefined }> {
    const done = await turn(signal).catch((error: unknown): Turn => {
      const again = { requeueAt: clock.now() + AGAIN_MILLISECONDS };
      if (error instanceof NotTaken) return { reason: 'NotTaken', message: error.message, ...again };
      const state = notServed(error);
      if (state === 'absent') return { reason: 'NotInstalled', message: 'CertificateRequests (cert-manager.io/v1) are not served here: install cert-manager', ...again };
      if (state === 'forbidden') return { reason: 'Forbidden', message: `this hub may not use CertificateRequests of namespace ${namespace}: install its chart with root.source=cert-manager`, ...again };
      throw error;
    });
    say(done);
    return { requeueAt: done.requeueAt };
  }

  const loop = createLoop({ name: 'cert-manager', ...ports, reconcile });
  return {
    condition: () => said,
    async start(signal) {
      const stop = authority.onChange(() => loop.add(FLEET_AUTHORITY));
      loop.add(FLEET_AUTHORITY);
      await loop.start(signal).finally(stop);
    },
  };
}

class NotTaken extends Error {}

const isOf = ({ name, kind = 'Issuer', group = 'cert-manager.io' }: CertificateRequestObject['spec']['issuerRef'], issuer: IssuerReference): boolean =>
  name === issuer.name && kind === issuer.kind && group === issuer.group;

/** The last of the chain is often `ca` as well. */
const once = (pem: string): string => [...new Set(pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [])].join('\n');
