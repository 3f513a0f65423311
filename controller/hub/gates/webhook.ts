/** A webhook gate: asked with a CloudEvent (CloudEvents 1.0, structured JSON), answered with a decision. */
import type { GateValue } from '../../../mesh/model/rollout.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import { shortened } from '../../../mesh/model/shortened.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import { authorization } from './gate-secret.ts';
import type { AskParts } from './metric.ts';

export const CLOUD_EVENT = 'application/cloudevents+json; charset=utf-8';
const LONGEST_MESSAGE = 400;
const DECISIONS = { pass: 'Passed', fail: 'Failed', wait: 'Waiting' } as const;

export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly data: unknown;
}

/** What the gate is about. */
export interface GateQuestion {
  readonly run: string;
  readonly stage: string;
  readonly side: 'before' | 'after';
  readonly gate: string;
  /** Since when it is asked: one asked again after a resume is another. */
  readonly since: Instant;
  /** As of `{{clusters}}` of a metric gate. */
  readonly clusters: readonly string[];
}

export type WebhookAnswer =
  | { readonly phase: 'Passed' | 'Failed' | 'Waiting'; readonly message: string }
  | { readonly error: string; readonly retryAfterSeconds?: number };

/** The same `id` for the same question, however often it is asked. */
const questionEvent = (source: string, { since, ...question }: GateQuestion, now: Instant): CloudEvent => ({
  specversion: '1.0', id: `${question.run}/${question.stage}/${question.side}/${question.gate}/${since}`, source, type: 'dev.isthmus.gate.asked', subject: question.run, time: toRfc3339(now), datacontenttype: 'application/json',
  data: { ...question, since: toRfc3339(since) },
});

function answerOf(status: number, body: string): WebhookAnswer {
  if (status < 200 || status > 299) return { error: `answers ${status}` };
  let said: { readonly decision?: unknown; readonly message?: unknown } | null;
  try {
    said = JSON.parse(body) as typeof said;
  } catch {
    return { error: 'answers no JSON; {"decision": "pass", "message": "…"} is asked for' };
  }
  const decision = said?.decision;
  if (typeof decision !== 'string' || !Object.hasOwn(DECISIONS, decision)) return { error: 'answers without a decision; it must be "pass", "fail" or "wait"' };
  const message = typeof said?.message === 'string' ? shortened(said.message.replace(/\s+/g, ' ').trim(), LONGEST_MESSAGE) : '';
  return { phase: DECISIONS[decision as keyof typeof DECISIONS], message: message === '' ? `the webhook says ${decision}` : message };
}

/** Never throws. */
export async function askWebhook({ ports: { clock, kubernetes }, ask, namespace }: AskParts, source: string, webhook: NonNullable<GateValue['webhook']>, question: GateQuestion, signal: CancelSignal): Promise<WebhookAnswer> {
  const { url, timeoutSeconds, authSecret } = webhook;
  try {
    const headers = { 'content-type': CLOUD_EVENT, accept: 'application/json', ...(authSecret === undefined ? {} : { authorization: await authorization(kubernetes, namespace, authSecret, url, signal) }) };
    const { status, body, retryAfterSeconds } = await ask({ method: 'POST', url, headers, body: JSON.stringify(questionEvent(source, question, clock.now())), timeoutSeconds }, signal);
    const answer = answerOf(status, body);
    return 'error' in answer && retryAfterSeconds !== undefined ? { ...answer, retryAfterSeconds } : answer;
  } catch (error) {
    return { error: messageOf(error) };
  }
}
