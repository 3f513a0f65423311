/** Inquiry objects: answered once in their status, deleted when they are old. */
import { Inquiry } from '../../../mesh/api/resources/index.ts';
import { type InquiryObject, QUESTION_NAMES } from '../../../mesh/api/resources/inquiry.ts';
import { fromRfc3339, toRfc3339 } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { RecordsUnavailable } from '../../../mesh/ports/records.ts';
import type { Cache } from '../../runtime/cache.ts';
import { AdvisedError, messageOf } from '../../runtime/errors.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import { writeStatus } from '../write-status.ts';
import { type Answers, WrongQuery } from './answers.ts';

const LIFETIME_SECONDS = 60;
/** etcd takes 1.5 MiB in one request, whatever the characters are. */
const MOST_ANSWER_BYTES = 1_000_000;
/** A question to a silent agent takes seconds; others must not wait behind it. */
const WORKERS = 8;

export interface InquiryParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes'>;
  readonly inquiries: Cache<InquiryObject>;
  readonly answers: Answers;
}

const questionOf = (spec: InquiryObject['spec'] | undefined): (typeof QUESTION_NAMES)[number] | undefined => QUESTION_NAMES.find((name) => spec?.[name] !== undefined);

export function createInquiries({ ports, inquiries, answers }: InquiryParts): Loop {
  const { clock, kubernetes } = ports;

  async function answer({ spec, metadata }: InquiryObject, signal: CancelSignal): Promise<Pick<NonNullable<InquiryObject['status']>, 'answer' | 'error' | 'reason'>> {
    const question = questionOf(spec);
    if (question === undefined) return { error: `spec: ask for one of ${QUESTION_NAMES.join(', ')}` };
    try {
      const value = await answers[question](spec[question] as never, { id: metadata.uid ?? metadata.name, signal });
      const text = JSON.stringify(value);
      const bytes = Buffer.byteLength(text);
      if (bytes > MOST_ANSWER_BYTES) return { error: `the answer has ${bytes} bytes, at most ${MOST_ANSWER_BYTES} fit; ask for less (limit)` };
      return { answer: text };
    } catch (error) {
      // A person waits for the answer: what is wrong with the records is one.
      if (error instanceof AdvisedError || error instanceof RecordsUnavailable) return { error: messageOf(error).slice(0, 4096), ...(error instanceof WrongQuery ? { reason: 'WrongQuery' } : {}) };
      throw error;
    }
  }

  async function reconcile(name: string, signal: CancelSignal): Promise<{ requeueAt?: number }> {
    const object = inquiries.get({ name });
    if (object === undefined) return {};
    const expiresAt = (fromRfc3339(object.metadata.creationTimestamp) ?? clock.now()) + LIFETIME_SECONDS * 1000;
    if (clock.now() >= expiresAt) {
      await kubernetes.delete(Inquiry, { name }, object.metadata.uid === undefined ? {} : { uid: object.metadata.uid }, signal);
      return {};
    }
    if (object.status?.answeredAt === undefined) await writeStatus(kubernetes, Inquiry, object, { ...await answer(object, signal), answeredAt: toRfc3339(clock.now()) }, signal);
    return { requeueAt: expiresAt };
  }

  const loop = createLoop({
    name: 'inquiry', reconcile, ...ports, workers: WORKERS,
    // Questions to agents may take seconds each; those to memory and records are answered between them.
    fairness: (name) => questionOf(inquiries.get({ name })?.spec) ?? '',
    // The kind has no conditions: who asked waits for an answer.
    async report(name, trouble, signal) {
      const object = trouble === undefined ? undefined : inquiries.get({ name });
      if (object === undefined || trouble === undefined || object.status?.answeredAt !== undefined) return;
      await writeStatus(kubernetes, Inquiry, object, { error: trouble.message, answeredAt: toRfc3339(clock.now()) }, signal);
    },
  });
  inquiries.subscribe(({ type, object }) => { if (type !== 'deleted') loop.add(object.metadata.name); });
  return loop;
}
