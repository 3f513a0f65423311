/** What stands of a mesh in this cluster, whoever made it: for a person who is about to have it taken over. Nothing of a Secret's text leaves the cluster. */
import { ConfigMap, Secret } from '../../../mesh/api/resources/core.ts';
import { parseEntry, parseUsers } from '../../../mesh/cilium/parse.ts';
import { isEntry, PEERING_OBJECTS, USERS_KEY } from '../../../mesh/cilium/words.ts';
import { managedBy } from '../../../mesh/drift/managed-by.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { AGENT_FIELD_MANAGER, managedObjectName } from '../../../mesh/model/managed.ts';
import { MAX_STANDING_ENTRIES, type StandingEntry, type StandingObject } from '../../../mesh/model/standing.ts';
import { compareText } from '../../../mesh/model/order.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Publisher } from '../../runtime/sync/publisher.ts';
import { fromKubernetes, type ManagedKubernetesObject } from '../apply/objects.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';

const BY_NAME = PEERING_OBJECTS.toSorted((one, other) => compareText(one.name, other.name));
/** A record has at most 8 KiB. */
const ENTRIES_A_RECORD = 8;
const LONGEST_MEANING = 600;
const MOST_MANAGERS = 8;
const LONGEST_NAME = 128;

export function createStanding({ ports: { kubernetes, digest, log }, config, state, publisher }: { readonly ports: Pick<AgentPorts, 'kubernetes' | 'digest' | 'log'>; readonly config: Pick<AgentConfig, 'ciliumNamespace'>; readonly state: AgentState; readonly publisher: Publisher }): { start(signal: CancelSignal): void } {
  const namespace = config.ciliumNamespace;

  function entryOf(kind: 'Secret' | 'ConfigMap', key: string, text: string): StandingEntry {
    const read = kind === 'ConfigMap' ? (key === USERS_KEY ? parseUsers(text) : undefined) : isEntry(text) ? parseEntry(text) : undefined;
    const means = read === undefined ? '' : canonicalJson(read);
    return { key, sha256: digest(text), ...(means === '' || means.length > LONGEST_MEANING ? {} : { means }) };
  }

  async function look({ kind, name }: typeof PEERING_OBJECTS[number], signal: CancelSignal): Promise<StandingObject | undefined> {
    // Listing is what the agent is granted on these.
    const { items: [found] } = await kubernetes.list<ManagedKubernetesObject>(kind === 'Secret' ? Secret : ConfigMap, { namespace, fieldSelector: `metadata.name=${name}` }, signal);
    if (found === undefined) return undefined;
    const { object, managers } = fromKubernetes(kind, found);
    const owner = managedBy(found.metadata);
    return {
      object: managedObjectName(object), ours: Object.values(managers).includes(AGENT_FIELD_MANAGER),
      owner: (owner === null ? '' : `${owner.tool} ${owner.namespace === null ? '' : `${owner.namespace}/`}${owner.name}`).slice(0, LONGEST_NAME),
      managers: [...new Set(Object.values(managers))].sort().slice(0, MOST_MANAGERS).map((manager) => manager.slice(0, LONGEST_NAME)),
      entries: Object.keys(object.data).sort().slice(0, MAX_STANDING_ENTRIES).map((key) => entryOf(kind, key, object.data[key] ?? '')),
    };
  }

  async function answer(id: string, signal: CancelSignal): Promise<void> {
    const found: StandingObject[] = [];
    for (const wanted of BY_NAME) found.push(...[await look(wanted, signal)].filter((object) => object !== undefined));
    const records = found.flatMap((object) => {
      const parts: string[] = [];
      for (let at = 0; at === 0 || at < object.entries.length; at += ENTRIES_A_RECORD) parts.push(JSON.stringify({ ...object, entries: object.entries.slice(at, at + ENTRIES_A_RECORD) }));
      return parts;
    });
    if (!signal.aborted && state.get('Question', id) !== undefined) publisher.set('Answer', id, { id, lines: [], records, rcode: '' });
  }

  return {
    start(signal) {
      state.subscribe((type, name) => {
        if (type !== 'Question' || state.get('Question', name)?.standing !== true) return;
        answer(name, signal).catch((error: unknown) => { if (!signal.aborted) log.warn({ error: messageOf(error) }, 'what stands of a mesh could not be said'); });
      });
    },
  };
}
