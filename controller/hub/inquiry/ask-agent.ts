/** A person's question to one agent: told to it as a resource, answered as one. */
import type { Answer, Question } from '../../../mesh/model/sync.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import type { Fleet } from '../gateway/fleet.ts';
import type { Publishers } from '../gateway/publishers.ts';

const PATIENCE_SECONDS = 5;

export async function askAgent(
  { fleet, publishers, clock }: { readonly fleet: Fleet; readonly publishers: Publishers; readonly clock: Clock },
  cluster: string, question: Question, signal: CancelSignal,
): Promise<Answer> {
  if (fleet.connection(cluster)?.connected !== true) {
    throw new AdvisedError('user', `cluster "${cluster}": its agent is not connected to the hub, so it cannot be asked; "kubectl get clusters" shows who is`);
  }
  const wait = cancelWithin(signal);
  const unsubscribe = fleet.subscribe((event) => {
    if (event.cluster === cluster && fleet.value(cluster, 'Answer', question.id) !== undefined) wait.abort();
  });
  try {
    publishers.tell(cluster, 'Question', question.id, question);
    await clock.sleepUntil(clock.now() + PATIENCE_SECONDS * 1000, wait.signal);
    const answer = fleet.value(cluster, 'Answer', question.id)?.value;
    if (answer === undefined) throw new AdvisedError('retry', `cluster "${cluster}": its agent did not answer within ${PATIENCE_SECONDS} s; ask again`);
    return answer;
  } finally {
    unsubscribe();
    wait.release();
    publishers.untell(cluster, 'Question', question.id);
  }
}
