/** A command's surroundings for tests: an embedded API of the hub in memory, and what was printed. */
import { HUB_RESOURCES } from '../../../mesh/api/resources/index.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { createEmbeddedApi } from '../../embedded/api.ts';
import { embeddedClient } from '../../embedded/client.ts';
import { memoryObjectStore } from '../../embedded/store.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import type { Environment } from '../environment.ts';

export interface TestEnvironment extends Environment {
  readonly client: KubernetesClient;
  readonly printed: () => string;
  readonly complained: () => string;
}

export function testEnvironment(): TestEnvironment {
  const clock = manualClock(Date.UTC(2030, 0, 1, 12));
  const api = createEmbeddedApi({ objects: memoryObjectStore(), clock, random: seededRandom(1), definitions: HUB_RESOURCES, namespaces: ['isthmus-system'], serviceCidrs: [] });
  const client = embeddedClient(api);
  let out = '';
  let err = '';
  return {
    client,
    connect: () => Promise.resolve(client),
    out: (text) => { out += text; },
    err: (text) => { err += text; },
    printed: () => out,
    complained: () => err,
    signal: new AbortController().signal,
    terminal: { interactive: false },
    now: clock.now,
    sleep: (milliseconds) => clock.advance(milliseconds),
    user: 'ada',
  };
}
