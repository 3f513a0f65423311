import { describe, expect, test } from 'vitest';
import type { ExportFact } from '../../../mesh/model/service.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { recordingLog } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { checkoutFact, revision } from '../testing/world.ts';
import { createFacts } from './facts.ts';
import { loadState, saveState } from './snapshot.ts';
import { createState } from './state.ts';

const SERVICE = 'shop/checkout';
const resource = (fact: ExportFact) => ({ name: `${fact.cluster}/${fact.namespace}/${fact.name}`, version: JSON.stringify(fact.version), value: fact });

function setting() {
  const clock = manualClock(1000);
  const state = createState('berlin', sha256Hex);
  const facts = createFacts('berlin', state, clock);
  const changed: string[] = [];
  facts.subscribe((service) => changed.push(service));
  const heard = () => facts.heard(SERVICE).map(({ fact, heardAt, heardFrom }) => `${fact.cluster} v${fact.version.epoch} from ${heardFrom} at ${heardAt}`);
  return { clock, state, facts, changed, heard };
}

test('with a stream ends what is of it alone: who reads this cluster, and what people ask', () => {
  const { state } = setting();
  const question = { id: 'q1', dnsName: 'checkout.shop.svc.clusterset.local', dnsType: 'A' };
  state.receive('ImportedFact', [resource(checkoutFact('oslo', ['10.0.0.1'], 5))], []);
  state.receive('Reader', [{ name: 'oslo', version: '1', value: { cluster: 'oslo', reads: true } }], []);
  state.receive('Question', [{ name: 'q1', version: '1', value: question }], []);
  const told: string[] = [];
  state.subscribe((type, name) => { told.push(`${type} ${name}: ${state.get(type, name) === undefined ? 'gone' : 'there'}`); });
  state.streamEnded();
  expect(told).toEqual(['Question q1: gone', 'Reader oslo: gone']);
  expect(state.list('ImportedFact')).toHaveLength(1);
  state.streamEnded();
  expect(told).toHaveLength(2);
  // Who still waits is heard again on the next stream.
  expect(state.receive('Question', [{ name: 'q1', version: '1', value: question }], [])).toBe('');
  expect(told.at(-1)).toBe('Question q1: there');
});

describe('the newest fact wins, whichever way it came', () => {
  test('a peer\'s newer word, not its older one; the hub\'s when it is newer again', async () => {
    const { clock, state, facts, changed, heard } = setting();
    state.receive('ImportedFact', [resource(checkoutFact('oslo', ['10.0.0.1'], 5))], []);
    expect(heard()).toEqual(['oslo v5 from hub at 1000']);
    await clock.advance(1000);
    facts.hear('oslo', [checkoutFact('oslo', [], 4)]);
    expect(heard()).toEqual(['oslo v5 from hub at 1000']);
    facts.hear('oslo', [checkoutFact('oslo', [], 5)]);
    expect(heard()).toEqual(['oslo v5 from oslo at 2000']);
    expect(changed).toEqual([SERVICE]);
    facts.hear('oslo', [checkoutFact('oslo', [], 6)]);
    expect(heard()).toEqual(['oslo v6 from oslo at 2000']);
    facts.hear('oslo', [checkoutFact('oslo', [], 5)]);
    expect(heard()).toEqual(['oslo v6 from oslo at 2000']);
    state.receive('ImportedFact', [resource(checkoutFact('oslo', ['10.0.0.1'], 7))], []);
    expect(heard()).toEqual(['oslo v7 from hub at 2000']);
    expect(changed).toEqual([SERVICE, SERVICE, SERVICE]);
  });

  test('nobody speaks for another cluster, for us, or for what the hub did not authorise', () => {
    const { state, facts, heard } = setting();
    facts.hear('oslo', [checkoutFact('oslo', [], 9)]);
    expect(heard()).toEqual([]);
    state.receive('ImportedFact', [resource(checkoutFact('oslo', [], 1)), resource(checkoutFact('berlin', [], 1))], []);
    facts.hear('virginia', [checkoutFact('oslo', [], 9)]);
    facts.hear('berlin', [checkoutFact('berlin', [], 9)]);
    expect(heard()).toEqual(['berlin v1 from hub at 1000', 'oslo v1 from hub at 1000']);
  });

  test('own exports are what this cluster says, once it has been read: gone here is gone', () => {
    const { state, facts, heard, changed } = setting();
    state.receive('ImportedFact', [resource(checkoutFact('berlin', [], 1))], []);
    facts.setOwn(new Map([[SERVICE, checkoutFact('berlin', ['10.0.0.1'], 2)]]));
    expect(heard()).toEqual(['berlin v2 from berlin at 1000']);
    facts.setOwn(new Map());
    expect(heard()).toEqual([]);
    expect(changed).toEqual([SERVICE, SERVICE, SERVICE]);
  });

  test('what the hub takes away is gone with all that was heard of it', () => {
    const { state, facts, heard } = setting();
    state.receive('ImportedFact', [resource(checkoutFact('oslo', [], 1))], []);
    facts.hear('oslo', [checkoutFact('oslo', [], 9)]);
    state.receive('ImportedFact', [], ['oslo/shop/checkout']);
    expect([heard(), facts.services()]).toEqual([[], []]);
    state.receive('ImportedFact', [resource(checkoutFact('oslo', [], 2))], []);
    expect(heard()).toEqual(['oslo v2 from hub at 1000']);
  });
});

describe('what the hub sends is checked', () => {
  const refused = (type: Parameters<ReturnType<typeof createState>['receive']>[0], name: string, value: unknown): string =>
    createState('berlin', sha256Hex).receive(type, [{ name, version: 'v', value: value as ExportFact }], []);

  test('names that do not fit, names that are no names, too many endpoints', () => {
    expect(refused('ImportedFact', 'berlin/shop/checkout', checkoutFact('oslo', []))).toContain('holds "oslo/shop/checkout"');
    expect(refused('ImportedFact', 'oslo/Shop!/checkout', { ...checkoutFact('oslo', []), namespace: 'Shop!' })).toContain('not a DNS label');
    expect(refused('ImportedFact', 'oslo/shop/checkout', checkoutFact('oslo', Array.from({ length: 501 }, () => '10.0.0.1')))).toContain('at most 500');
    expect(refused('ClusterReport', 'berlin', {})).toContain('not for agents');
  });

  test('a desired state with a field that this version does not know', () => {
    const { content } = revision({ peering: null, ...{ surprise: true } });
    expect(refused('DesiredRevision', 'berlin', { id: `sha256-${sha256Hex(content)}`, cluster: 'berlin', content })).toContain('Unrecognized key');
    expect(refused('DesiredRevision', 'berlin', { id: `sha256-${sha256Hex('{')}`, cluster: 'berlin', content: '{' })).toContain('not JSON');
    expect(refused('DesiredRevision', 'berlin', revision({ cluster: 'oslo' }))).toContain('for cluster "oslo"');
  });

  test('refused resources are not known; good ones of the same delta are; a desired state is never taken away', () => {
    const state = createState('berlin', sha256Hex);
    expect(state.receive('ImportedFact', [resource(checkoutFact('oslo', [])), { name: 'wrong', version: 'v', value: checkoutFact('oslo', []) }], [])).toContain('wrong');
    expect(Object.keys(state.known('ImportedFact'))).toEqual(['oslo/shop/checkout']);
    const good = revision();
    expect(state.receive('DesiredRevision', [{ name: 'berlin', version: 'v', value: good }], [])).toBe('');
    state.receive('DesiredRevision', [], ['berlin']);
    expect(state.desired?.id).toBe(good.id);
  });
});

describe('snapshots', () => {
  async function saved(fail = false) {
    const clock = manualClock(0);
    const state = createState('berlin', sha256Hex);
    const log = recordingLog();
    const writes: string[] = [];
    const stop = new AbortController();
    let failing = fail;
    const store = { load: async () => writes.at(-1), async save(content: string) { if (failing) { failing = false; throw new Error('ENOSPC: no space left on device'); } writes.push(content); } };
    const saving = saveState({ store, state, cluster: 'berlin', clock, log }, stop.signal);
    return { clock, state, log, writes, store, end: async () => { stop.abort(); await saving; } };
  }

  test('a burst is one write, an end saves what is left, and all comes back', async () => {
    const { clock, state, writes, store, end } = await saved();
    for (let version = 1; version <= 5; version++) {
      state.receive('ImportedFact', [resource(checkoutFact('oslo', [], version))], []);
      await clock.advance(100);
    }
    await clock.advance(2000);
    expect(writes).toHaveLength(1);
    state.setApplied({ id: 'sha256-1', appliedAt: 7 });
    state.setContentions({ 'Service shop/derived-1': { manager: 'argocd-controller', undoneAt: [1, 2, 3], rounds: 1, quietUntil: 30_000 } });
    await end();
    expect(writes).toHaveLength(2);
    const again = createState('berlin', sha256Hex);
    await loadState(store, again, 'berlin', recordingLog());
    expect(again.content()).toEqual(state.content());
    expect(again.known('ImportedFact')).toEqual(state.known('ImportedFact'));
    expect(again.knowsImports).toBe(true);
    const other = createState('oslo', sha256Hex);
    await loadState(store, other, 'oslo', recordingLog());
    expect(other.knowsImports).toBe(false);
  });

  test('one that was saved before the hub told of imports does not claim that there are none', async () => {
    const { clock, state, store, end } = await saved();
    state.receive('DesiredRevision', [{ name: 'berlin', version: 'v', value: revision() }], []);
    await clock.advance(2000);
    const again = createState('berlin', sha256Hex);
    await loadState(store, again, 'berlin', recordingLog());
    expect([again.desired?.id, again.knowsImports]).toEqual([revision().id, false]);
    await end();
  });

  test('a resource that is damaged or of an older form is left out, so that the hub sends it again; its neighbours are used', async () => {
    const { clock, state, writes, store, end } = await saved();
    state.receive('ImportedFact', ['oslo', 'rome', 'paris'].map((cluster) => resource(checkoutFact(cluster, ['10.0.0.1']))), []);
    state.receive('DesiredRevision', [{ name: 'berlin', version: 'v', value: revision() }], []);
    await clock.advance(2000);
    const content = JSON.parse(writes.at(-1)!);
    const [, paris, rome] = content.resources.ImportedFact;
    expect([paris.name, rome.name]).toEqual(['paris/shop/checkout', 'rome/shop/checkout']);
    delete paris.value.endpoints[0].ports;
    rome.value = {};
    content.resources.DesiredRevision[0].value = {};
    writes.push(JSON.stringify(content));
    const again = createState('berlin', sha256Hex);
    const log = recordingLog();
    await loadState(store, again, 'berlin', log);
    expect([Object.keys(again.known('ImportedFact')), again.desired, again.knowsImports, log.lines]).toEqual([['oslo/shop/checkout'], undefined, true, []]);
    await end();
  });

  test.each([['no', undefined], ['damaged', { 'Service shop/derived-1': { manager: 'argocd-controller' } }]])('one with %s memory of fights is used but for that', async (_what, contentions) => {
    const { clock, state, writes, store, end } = await saved();
    state.setApplied({ id: 'sha256-1', appliedAt: 7 });
    await clock.advance(2000);
    writes.push(JSON.stringify({ ...JSON.parse(writes.at(-1)!), contentions }));
    const again = createState('berlin', sha256Hex);
    const log = recordingLog();
    await loadState(store, again, 'berlin', log);
    expect([again.applied, again.contentions, log.lines]).toEqual([{ id: 'sha256-1', appliedAt: 7 }, {}, []]);
    await end();
  });

  test('a full disk is said, and tried again', async () => {
    const { clock, state, log, writes, end } = await saved(true);
    state.setApplied({ id: 'sha256-1', appliedAt: 7 });
    await clock.advance(2000);
    expect(log.lines.map(({ message }) => message)).toEqual([expect.stringContaining('cannot be saved')]);
    expect(writes).toEqual([]);
    await clock.advance(12_000);
    expect(writes).toHaveLength(1);
    await end();
  });
});
