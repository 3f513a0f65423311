/** A Kubernetes API whose watches are behind. */
import type { Clock } from '../../../mesh/ports/clock.ts';
import type { KubernetesClient, WatchEvent } from '../../../mesh/ports/kubernetes.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';

/** Every event is told up to `mostMilliseconds` late, in order. */
export function late(client: KubernetesClient, clock: Clock, mostMilliseconds: () => number): KubernetesClient {
  const random = seededRandom(3);
  return {
    ...client,
    get: client.get.bind(client), list: client.list.bind(client), create: client.create.bind(client),
    update: client.update.bind(client), patch: client.patch.bind(client), delete: client.delete.bind(client),
    async * watch(kind, options, signal): AsyncGenerator<WatchEvent<never>> {
      for await (const event of client.watch<never>(kind, options, signal)) {
        const most = mostMilliseconds();
        if (most > 0) await clock.sleepUntil(clock.now() + Math.ceil(random.uniform() * most), signal);
        if (signal.aborted) return;
        yield event;
      }
    },
  };
}
