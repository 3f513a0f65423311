/** A KubernetesClient whose server is in this process, and never leaves it to answer: whoever writes much would keep every socket of the process waiting until it is done. */
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/** Each write is followed by a turn of everything else: what was to be sent goes, what has come is read. */
export function inTurns(client: KubernetesClient): KubernetesClient {
  const followed = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } finally {
      await turn();
    }
  };
  return {
    ...client,
    create: (...given) => followed(client.create(...given)),
    update: (...given) => followed(client.update(...given)),
    patch: (...given) => followed(client.patch(...given)),
    delete: (...given) => followed(client.delete(...given)),
  };
}
