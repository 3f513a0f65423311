/** Objects in memory behind the Kubernetes port: single objects with optimistic concurrency, for tests that need no lists, watches or field ownership. */
import { KubernetesError, type KubernetesClient, type KubernetesObject, type ObjectRef, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';

type Verb = 'get' | 'create' | 'update' | 'patch' | 'delete';

export interface MemoryKubernetes extends KubernetesClient {
  /** Called before each request; what it throws fails the request. */
  intercept: (verb: Verb, kind: string, name: string) => void;
  /** `verb Kind/name` of every request that wrote something. */
  readonly writes: readonly string[];
}

export function memoryKubernetes(): MemoryKubernetes {
  const objects = new Map<string, KubernetesObject>();
  const writes: string[] = [];
  let version = 0;
  const keyOf = (kind: ResourceKind, ref: ObjectRef): string => `${kind.kind} ${ref.namespace ?? ''}/${ref.name}`;
  const request = async (verb: Verb, kind: ResourceKind, name: string): Promise<void> => {
    await Promise.resolve();
    client.intercept(verb, kind.kind, name);
  };
  function put<T extends KubernetesObject>(verb: Verb, kind: ResourceKind, object: T): T {
    const stored = structuredClone({ ...object, metadata: { ...object.metadata, resourceVersion: String(++version) } });
    objects.set(keyOf(kind, object.metadata), stored);
    writes.push(`${verb} ${kind.kind}/${object.metadata.name}`);
    return structuredClone(stored);
  }
  const client: MemoryKubernetes = {
    intercept: () => {},
    writes,
    async get<T extends KubernetesObject>(kind: ResourceKind, ref: ObjectRef) {
      await request('get', kind, ref.name);
      return structuredClone(objects.get(keyOf(kind, ref))) as T | undefined;
    },
    async create(kind, object) {
      await request('create', kind, object.metadata.name);
      if (objects.has(keyOf(kind, object.metadata))) throw new KubernetesError(409, 'AlreadyExists', `${kind.kind} ${object.metadata.name} already exists`);
      return put('create', kind, object);
    },
    async update(kind, object, options) {
      await request('update', kind, object.metadata.name);
      const current = objects.get(keyOf(kind, object.metadata));
      if (current === undefined) throw new KubernetesError(404, 'NotFound', `${kind.kind} ${object.metadata.name} not found`);
      if (object.metadata.resourceVersion !== current.metadata.resourceVersion) throw new KubernetesError(409, 'Conflict', `${kind.kind} ${object.metadata.name} was modified`);
      return put('update', kind, options.subresource === 'status' ? { ...current, status: (object as { status?: unknown }).status } as unknown as typeof object : object);
    },
    async patch<T extends KubernetesObject>(kind: ResourceKind, ref: ObjectRef, body: unknown) {
      await request('patch', kind, ref.name);
      const current = objects.get(keyOf(kind, ref));
      const intent = body as KubernetesObject;
      return put('patch', kind, { ...current, ...intent, metadata: { ...current?.metadata, ...intent.metadata } } as T);
    },
    async delete(kind, ref) {
      await request('delete', kind, ref.name);
      objects.delete(keyOf(kind, ref));
      writes.push(`delete ${kind.kind}/${ref.name}`);
    },
    list: () => Promise.reject(new Error('the memory Kubernetes lists nothing')),
    watch: () => { throw new Error('the memory Kubernetes watches nothing'); },
  };
  return client;
}
