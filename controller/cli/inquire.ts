/** Asks the hub through an `Inquiry` object and takes the object away again. */
import type { InquiryObject } from '../../mesh/api/resources/inquiry.ts';
import { apiVersionOf, Inquiry } from '../../mesh/api/resources/index.ts';
import type { KubernetesClient } from '../../mesh/ports/kubernetes.ts';
import { CommandFailure, type Environment, UsageProblem } from './environment.ts';
import { FIELD_MANAGER } from './field-manager.ts';

const PATIENCE_SECONDS = 15;
/** Most answers come from the hub's memory; what takes longer is asked for less often. */
const FIRST_POLL_MILLISECONDS = 10;
const LONGEST_POLL_MILLISECONDS = 100;

/** The hub's Kubernetes API answers, the hub itself does not. */
export class NoAnswer extends CommandFailure {}

export async function inquire<Answer>(environment: Environment, client: KubernetesClient, spec: InquiryObject['spec'], patienceSeconds = PATIENCE_SECONDS): Promise<Answer> {
  const { signal } = environment;
  const question = await client.create<InquiryObject>(
    Inquiry,
    { apiVersion: apiVersionOf(Inquiry), kind: 'Inquiry', metadata: { name: '', generateName: 'cli-' }, spec } as InquiryObject,
    { fieldManager: FIELD_MANAGER }, signal,
  );
  const ref = { name: question.metadata.name };
  try {
    const giveUpAt = environment.now() + patienceSeconds * 1000;
    for (let pause = FIRST_POLL_MILLISECONDS; environment.now() < giveUpAt && !signal.aborted; pause = Math.min(pause * 2, LONGEST_POLL_MILLISECONDS)) {
      const status = (await client.get<InquiryObject>(Inquiry, ref, signal))?.status;
      if (status?.error !== undefined) throw status.reason === 'WrongQuery' ? new UsageProblem(status.error) : new CommandFailure(status.error);
      if (status?.answer !== undefined) return JSON.parse(status.answer) as Answer;
      await environment.sleep(pause);
    }
    throw new NoAnswer(`the hub did not answer within ${patienceSeconds} s: is it running, and does it use this Kubernetes API?`);
  } finally {
    // Where this fails the hub deletes the object after a minute; the reason why asking failed must not be hidden by it.
    if (!signal.aborted) await client.delete(Inquiry, ref, {}, signal).catch(() => undefined);
  }
}
