/** Where objects are kept. The API holds everything in memory; a store only has to be durable. */

export interface StoredWrite {
  /** `group/plural/namespace/name`. */
  readonly key: string;
  /** JSON text of the object; null: deleted. */
  readonly value: string | null;
}

export interface ObjectStore {
  /** Everything that was ever acknowledged. */
  load(): { readonly resourceVersion: number; readonly entries: readonly { readonly key: string; readonly value: string }[] };
  /** All writes and the version together, or nothing. Durable when it returns; throws `ObjectStoreUnavailable` otherwise. */
  commit(resourceVersion: number, writes: readonly StoredWrite[]): void;
  close(): void;
}

/** Full disk, locked folder, damaged file. Nothing of the failed call was kept. */
export class ObjectStoreUnavailable extends Error {
  readonly advice: 'user' | 'retry';
  constructor(advice: 'user' | 'retry', message: string) {
    super(message);
    this.name = 'ObjectStoreUnavailable';
    this.advice = advice;
  }
}

/** Lost with the process. */
export function memoryObjectStore(): ObjectStore {
  const entries = new Map<string, string>();
  let version = 0;
  return {
    load: () => ({ resourceVersion: version, entries: [...entries].map(([key, value]) => ({ key, value })) }),
    commit(resourceVersion, writes) {
      version = resourceVersion;
      for (const { key, value } of writes) {
        if (value === null) entries.delete(key);
        else entries.set(key, value);
      }
    },
    close() {},
  };
}
