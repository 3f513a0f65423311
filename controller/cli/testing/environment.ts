/** A command's surroundings for tests: an embedded API of the hub in memory, and what was printed. */
import { HUB_RESOURCES } from '../../../mesh/api/resources/index.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { createEmbeddedApi } from '../../embedded/api.ts';
import { embeddedClient, inProcess } from '../../embedded/client.ts';
import { memoryObjectStore } from '../../embedded/store.ts';
import { seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock, type ManualClock } from '../../runtime/testing/manual-clock.ts';
import type { Environment } from '../environment.ts';

export interface TestEnvironment extends Environment {
  readonly client: KubernetesClient;
  readonly printed: () => string;
  readonly complained: () => string;
}

interface Surroundings { readonly client: KubernetesClient; readonly clock: ManualClock }

function alone(): Surroundings {
  const clock = manualClock(Date.UTC(2030, 0, 1, 12));
  const api = createEmbeddedApi({ objects: memoryObjectStore(), clock, random: seededRandom(1), definitions: HUB_RESOURCES, namespaces: ['isthmus-system'], serviceCidrs: [] });
  return { clock, client: embeddedClient(api, inProcess('ada', ['network-leads'])) };
}

/** Left out: an API that no hub uses. */
export function testEnvironment({ client, clock }: Surroundings = alone(), signal: AbortSignal = new AbortController().signal): TestEnvironment {
  let out = '';
  let err = '';
  return {
    client,
    connect: () => Promise.resolve(client),
    out: (text) => { out += text; },
    err: (text) => { err += text; },
    printed: () => out,
    complained: () => err,
    signal,
    terminal: { interactive: false },
    now: clock.now,
    sleep: (milliseconds) => clock.advance(milliseconds),
    user: 'ada',
  };
}
