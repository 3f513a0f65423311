/** Writes through the faults: after all retries nothing may be lost and nothing done twice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { applyObject } from '../../../controller/runtime/apply.ts';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import { type KubernetesClient, KubernetesError, KubernetesUnreachable } from '../../../mesh/ports/kubernetes.ts';
import { Widget, type WidgetObject } from '../contract/widget.ts';
import { freshList } from './fresh-list.ts';

export interface ProxiedWriters {
  /** Makes what they work on, past the proxy. */
  prepare(direct: KubernetesClient): Promise<void>;
  /** Until `signal` aborts and what was begun is done. */
  run(signal: AbortSignal): Promise<void>;
  /** What was lost or done twice; nothing: all is right. */
  problems(direct: KubernetesClient): Promise<readonly string[]>;
  readonly writes: number;
}

const by = { fieldManager: 'fault-writers' };
const never = new AbortController().signal;
const COUNTER = 'counter';
const COUNTING = ['first', 'second'] as const;
const RETRY_MILLISECONDS = 30;

export function proxiedWriters(client: KubernetesClient, namespace: string, label: readonly [string, string], pauseMilliseconds: number): ProxiedWriters {
  const labels = { [label[0]]: label[1] };
  const counted = { first: 0, second: 0 };
  const created: ('acknowledged' | 'unknown')[] = [];
  let intents = 0;
  const found: string[] = [];

  /** Tries until it is known to be done. Only what a fault may cause is tried again. */
  const untilDone = async (what: string, attempt: () => Promise<boolean>): Promise<void> => {
    for (;;) {
      try {
        if (await attempt()) return;
      } catch (error) {
        const fault = error instanceof KubernetesUnreachable || (error instanceof KubernetesError && (error.code >= 500 || error.code === 429 || error.code === 409));
        if (!fault) {
          found.push(`${what}: ${String(error)}`);
          return;
        }
      }
      await sleep(RETRY_MILLISECONDS);
    }
  };

  /** Compare-and-swap; each of the two leaves its own count, so that it sees whether a write without an answer was done. */
  const count = async (me: (typeof COUNTING)[number]): Promise<void> => {
    const mine = counted[me] + 1;
    await untilDone(`count ${me} ${mine}`, async () => {
      const now = await client.get<ConfigMapObject>(ConfigMap, { namespace, name: COUNTER }, never);
      if (now === undefined) throw new Error('the counter is gone');
      const left = Number(now.data?.[me]);
      if (left === mine) return true;
      if (left !== mine - 1) throw new Error(`${me} should be ${mine - 1}, is ${left}`);
      await client.update<ConfigMapObject>(ConfigMap, { ...now, data: { ...now.data, total: String(Number(now.data?.['total']) + 1), [me]: String(mine) } }, by, never);
      return true;
    });
    counted[me] = mine;
  };

  /** Once, whatever comes of it: a second attempt would be another object. */
  const create = async (): Promise<void> => {
    const operation = created.push('unknown') - 1;
    try {
      await client.create<ConfigMapObject>(ConfigMap, {
        apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '', generateName: 'made-', namespace, labels: { ...labels, operation: String(operation) } },
      }, by, never);
      created[operation] = 'acknowledged';
    } catch (error) {
      if (!(error instanceof KubernetesUnreachable || (error instanceof KubernetesError && (error.code >= 500 || error.code === 429)))) found.push(`create ${operation}: ${String(error)}`);
    }
  };

  const intent = (number: number): WidgetObject => ({
    apiVersion: 'contract.isthmus.dev/v1', kind: 'Widget', metadata: { name: 'applied', namespace, labels },
    spec: { size: 1 + (number % 100), ports: [{ port: 1000 + number, name: `n${number}` }], ...(number % 2 === 0 ? { notes: [`only in even ones: ${number}`] } : {}) },
  });
  const apply = async (): Promise<void> => {
    const number = ++intents;
    await untilDone(`apply ${number}`, async () => {
      await applyObject(client, Widget, intent(number), { fieldManager: 'fault-applier' }, never);
      return true;
    });
  };

  const repeat = async (action: () => Promise<void>, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await action();
      await sleep(pauseMilliseconds);
    }
  };

  return {
    async prepare(direct) {
      await direct.create<ConfigMapObject>(ConfigMap, {
        apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: COUNTER, namespace, labels }, data: { total: '0', first: '0', second: '0' },
      }, by, never);
    },
    async run(signal) {
      await Promise.all([...COUNTING.map((me) => repeat(() => count(me), signal)), repeat(create, signal), repeat(apply, signal)]);
    },
    async problems(direct) {
      const problems = [...found];
      const counter = await direct.get<ConfigMapObject>(ConfigMap, { namespace, name: COUNTER }, never);
      const total = Number(counter?.data?.['total']);
      if (total !== counted.first + counted.second) problems.push(`the counter is ${total}, ${counted.first} + ${counted.second} were counted`);

      const made = (await freshList(direct, ConfigMap, { namespace, labelSelector: 'operation' })).map(({ metadata }) => Number(metadata.labels?.['operation']));
      for (const [operation, outcome] of created.entries()) {
        const copies = made.filter((one) => one === operation).length;
        if (copies > 1) problems.push(`create ${operation} (${outcome}) made ${copies} objects`);
        if (copies === 0 && outcome === 'acknowledged') problems.push(`create ${operation} was acknowledged and is lost`);
      }

      const applied = await direct.get<WidgetObject>(Widget, { namespace, name: 'applied' }, never);
      const { ports, notes, size } = intent(intents).spec!;
      const expected = { size, ports: ports!.map((port) => ({ ...port, protocol: 'TCP' })), notes, colour: 'grey' };
      const actual = { size: applied?.spec?.size, ports: applied?.spec?.ports, notes: applied?.spec?.notes, colour: applied?.spec?.colour };
      if (intents > 0 && !isDeepStrictEqual(actual, expected)) problems.push(`intent ${intents} was applied as ${JSON.stringify(actual)}`);
      // Each intent differs from the one before, and each is one generation however often it was sent.
      if (intents > 0 && applied?.metadata.generation !== intents) problems.push(`${intents} intents made ${applied?.metadata.generation} generations`);
      return problems;
    },
    get writes() { return counted.first + counted.second + created.length + intents; },
  };
}
