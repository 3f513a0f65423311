/** A KeyStore in memory, with the same rule for concurrent writers as a Kubernetes object. */
import type { KeyStore } from '../authority/document.ts';

export function memoryKeyStore(): KeyStore & { readonly writes: () => number } {
  let held: { readonly content: string; readonly version: string } | undefined;
  let writes = 0;
  return {
    load: () => Promise.resolve(held),
    save(content, version) {
      if (version !== held?.version) return Promise.resolve(false);
      held = { content, version: String(++writes) };
      return Promise.resolve(true);
    },
    writes: () => writes,
  };
}
