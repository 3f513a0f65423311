/** Changes to the world that pass the proxy by: create, update, relabel, delete, and delete and create again at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigMap } from '../../../mesh/api/resources/core.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import type { Random } from '../../../mesh/ports/random.ts';
import { Widget } from '../contract/widget.ts';

export interface DirectWriters {
  /** Everything that is to be there at first. */
  fill(): Promise<void>;
  /** Several at once, until `signal` aborts and what was under way is done. */
  run(signal: AbortSignal): Promise<void>;
}

export interface DirectWritersOptions {
  readonly client: KubernetesClient;
  readonly random: Random;
  readonly namespaces: readonly string[];
  /** Every object carries it. */
  readonly label: readonly [string, string];
  readonly configMaps: number;
  readonly widgets: number;
  readonly writers: number;
  readonly pauseMilliseconds: number;
  /** What becomes of an error that is neither 404 nor 409: thrown, unless the servers themselves are struck. */
  readonly mayFail?: boolean;
}

const by = { fieldManager: 'fault-writers' };
const never = new AbortController().signal;

export function directWriters(options: DirectWritersOptions): DirectWriters {
  const { client, random, namespaces, label: [labelName, labelValue] } = options;
  const below = (bound: number): number => Math.floor(random.uniform() * bound);
  let tick = 0;
  const places = [
    ...Array.from({ length: options.configMaps }, (_, index) => ({ kind: ConfigMap, name: `config-${index}`, namespace: namespaces[index % namespaces.length]! })),
    ...Array.from({ length: options.widgets }, (_, index) => ({ kind: Widget, name: `widget-${index}`, namespace: namespaces[index % namespaces.length]! })),
  ];
  type Place = (typeof places)[number];
  const content = (kind: ResourceKind): Record<string, unknown> => (kind === ConfigMap
    ? { data: { tick: String(++tick), text: 'ä'.repeat(below(200)) } }
    : { spec: { size: 1 + (++tick % 100), colour: ['red', 'blue', 'grey'][below(3)] } });
  const labels = (): Record<string, string> => ({ [labelName]: labelValue, tier: random.uniform() < 0.5 ? 'gold' : 'silver' });
  const create = ({ kind, name, namespace }: Place): Promise<KubernetesObject> => client.create<KubernetesObject>(
    kind, { apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind, metadata: { name, namespace, labels: labels() }, ...content(kind) }, by, never,
  );

  async function change(place: Place): Promise<void> {
    const { kind } = place;
    const dice = random.uniform();
    if (dice < 0.4) await client.patch(kind, place, content(kind), { ...by, type: 'merge' }, never);
    else if (dice < 0.6) await client.patch(kind, place, { metadata: { labels: labels() } }, { ...by, type: 'merge' }, never);
    else if (dice < 0.72) await client.delete(kind, place, {}, never);
    else if (dice < 0.86) {
      await client.delete(kind, place, {}, never);
      await create(place);
    } else await create(place);
  }
  const attempt = async (action: Promise<unknown>): Promise<void> => {
    try {
      await action;
    } catch (error) {
      const expected = error instanceof KubernetesError && (error.code === 404 || error.code === 409);
      if (!expected && options.mayFail !== true) throw error;
    }
  };

  return {
    async fill() {
      const waiting = [...places];
      await Promise.all(Array.from({ length: 8 }, async () => {
        for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) await create(place);
      }));
    },
    async run(signal) {
      await Promise.all(Array.from({ length: options.writers }, async () => {
        while (!signal.aborted) {
          await attempt(change(places[below(places.length)]!));
          await sleep(options.pauseMilliseconds * (0.5 + random.uniform()));
        }
      }));
    },
  };
}
