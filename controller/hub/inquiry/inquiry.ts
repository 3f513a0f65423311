/** Inquiry objects: answered once in their status, deleted when they are old. */
import { Inquiry } from '../../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { UpdateRunObject } from '../../../mesh/api/resources/updates.ts';
import { fromRfc3339, toRfc3339 } from '../../../mesh/model/instant.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { RecordsUnavailable } from '../../../mesh/ports/records.ts';
import type { Cache } from '../../runtime/cache.ts';
import { AdvisedError, messageOf } from '../../runtime/errors.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Fleet } from '../gateway/fleet.ts';
import type { Publishers } from '../gateway/publishers.ts';
import type { HubPorts } from '../ports.ts';
import { writeStatus } from '../write-status.ts';
import { answerFromRecords } from './answers.ts';
import { askAgent } from './ask-agent.ts';

const LIFETIME_SECONDS = 60;
/** etcd takes 1.5 MiB in one request, whatever the characters are. */
const MOST_BYTES = 1_000_000;
/** A question to a silent agent takes seconds; others must not wait behind it. */
const WORKERS = 8;

export interface InquiryParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'records'>;
  readonly fleet: Fleet;
  readonly publishers: Publishers;
  readonly inquiries: Cache<InquiryObject>;
  readonly runs: Cache<UpdateRunObject>;
}

export function createInquiries({ ports, fleet, publishers, inquiries, runs }: InquiryParts): Loop {
  const { clock, kubernetes, records } = ports;

  async function answer({ spec, metadata }: InquiryObject, signal: CancelSignal): Promise<{ readonly answer: string } | { readonly error: string }> {
    try {
      const text = spec.dns === undefined
        ? await answerFromRecords(spec, records, runs)
        : await askAgent({ fleet, publishers, clock }, spec.dns.from, { id: metadata.uid ?? metadata.name, dnsName: spec.dns.name, dnsType: spec.dns.type ?? 'A' }, signal);
      const bytes = Buffer.byteLength(text);
      if (bytes > MOST_BYTES) return { error: `the answer has ${bytes} bytes, at most ${MOST_BYTES} fit; ask for less (limit)` };
      return { answer: text };
    } catch (error) {
      // A person waits for the answer: what is wrong with the records is one.
      if (error instanceof AdvisedError || error instanceof RecordsUnavailable) return { error: messageOf(error).slice(0, 4096) };
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
    // Questions to agents may take seconds each; those to the records are answered between them.
    fairness: (name) => (inquiries.get({ name })?.spec.dns === undefined ? 'records' : 'agents'),
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
