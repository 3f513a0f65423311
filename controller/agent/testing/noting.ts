/** Sees what is written to a Kubernetes API. */
import type { KubernetesClient, ResourceKind } from '../../../mesh/ports/kubernetes.ts';

/** The client, with every write noted as `verb Kind name`; `refuse` may throw in its place. */
export function noting(client: KubernetesClient, writes: string[], refuse: (write: string) => void = () => {}): KubernetesClient {
  const note = (verb: string, kind: ResourceKind, name: string): void => {
    const write = `${verb} ${kind.kind} ${name}`;
    refuse(write);
    writes.push(write);
  };
  return {
    ...client,
    get: client.get.bind(client), list: client.list.bind(client), watch: client.watch.bind(client),
    async create(kind, object, options, cancel) { note('create', kind, object.metadata.name); return client.create(kind, object, options, cancel); },
    async update(kind, object, options, cancel) { note('update', kind, object.metadata.name); return client.update(kind, object, options, cancel); },
    async patch(kind, ref, body, options, cancel) { note('patch', kind, ref.name); return client.patch(kind, ref, body, options, cancel); },
    async delete(kind, ref, options, cancel) { note('delete', kind, ref.name); return client.delete(kind, ref, options, cancel); },
  };
}
