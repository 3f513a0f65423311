import { expect, test } from 'vitest';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import { type PeerFacts, TransportError } from '../../../mesh/ports/transport.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import { fakeMetrics, recordingLog, seededRandom } from '../../runtime/testing/fakes.ts';
import { manualClock } from '../../runtime/testing/manual-clock.ts';
import { createFacts } from '../state/facts.ts';
import { createState } from '../state/state.ts';
import { createProbes } from './probe.ts';

function setting() {
  const clock = manualClock(0);
  const state = createState('berlin', sha256Hex);
  /** `silent`: takes the call and never answers. */
  const answers = new Map<string, PeerFacts | 'silent' | TransportError>();
  const asked: string[] = [];
  const metrics = fakeMetrics();
  const ports = {
    clock, random: seededRandom(1), log: recordingLog(), metrics,
    peers: {
      async facts({ cluster }: { cluster: string }) {
        asked.push(`${cluster}@${clock.now()}`);
        const answer = answers.get(cluster);
        if (answer === 'silent') return new Promise(() => {});
        if (answer instanceof TransportError) throw answer;
        if (answer === undefined) throw new TransportError('retry', 'Unreachable', 'refused');
        return answer;
      },
    },
  } as unknown as AgentPorts;
  const config = { cluster: 'berlin', peerProbeIntervalSeconds: 2, peerProbeFailures: 3 } as AgentConfig;
  const probes = createProbes({ ports, config, state, facts: createFacts('berlin', state, clock), identity: () => ({ cluster: 'berlin', trustDomain: 't', keyPem: '', chainPem: '', bundlePem: '' }) });
  const changed: string[] = [];
  probes.subscribe((cluster) => changed.push(cluster));
  const meet = (cluster: string): string => state.receive('PeerAddress', [{ name: cluster, version: 'v', value: { cluster, address: `${cluster}:1` } }], []);
  const stop = new AbortController();
  const says = (cluster: string, ...views: [string, boolean][]): PeerFacts => ({ cluster, exports: [], reachability: views.map(([other, reachable]) => ({ cluster: other, reachable, since: 0 })) });
  const evidence = (cluster: string): string[] => probes.reachability(cluster).map(({ observer, own, reachable }) => `${observer}${own === true ? '*' : ''} ${reachable ? 'yes' : 'no'}`);
  return { clock, state, answers, asked, probes, changed, meet, says, evidence, metrics, run: () => probes.start(stop.signal), stop };
}

test('reachable after one answer, unreachable after so many failures in a row, silence among them', async () => {
  const { clock, answers, says, meet, evidence, changed, metrics, probes, run, stop, asked } = setting();
  answers.set('oslo', says('oslo'));
  meet('oslo');
  meet('berlin');
  const running = run();
  await clock.advance(0);
  expect([evidence('oslo'), asked]).toEqual([['berlin* yes'], ['oslo@0']]);
  answers.delete('oslo');
  await clock.advance(4500);
  expect(evidence('oslo')).toEqual(['berlin* yes']);
  answers.set('oslo', says('oslo'));
  await clock.advance(2000);
  answers.set('oslo', 'silent');
  await clock.advance(9000);
  expect(evidence('oslo')).toEqual(['berlin* no']);
  expect(probes.own()).toEqual([{ cluster: 'oslo', reachable: false, since: expect.any(Number) }]);
  expect([changed, metrics.value('isthmus_agent_peer_reachable', { peer: 'oslo' })]).toEqual([['oslo', 'oslo'], 0]);
  stop.abort();
  await running;
});

test('peers\' views count while the peers can be asked; nobody\'s word on itself does, and we reach ourselves', async () => {
  const { clock, answers, says, meet, evidence, changed, run, stop } = setting();
  answers.set('oslo', says('oslo', ['virginia', false], ['oslo', true], ['berlin', false]));
  answers.set('rome', says('rome', ['virginia', true], ['oslo', true]));
  for (const cluster of ['oslo', 'rome', 'virginia']) meet(cluster);
  const running = run();
  await clock.advance(8000);
  expect(evidence('virginia')).toEqual(['berlin* no', 'oslo no', 'rome yes']);
  expect(evidence('oslo')).toEqual(['berlin* yes', 'rome yes']);
  expect(evidence('berlin')).toEqual(['berlin* yes']);
  answers.delete('rome');
  changed.length = 0;
  await clock.advance(8000);
  expect(evidence('virginia')).toEqual(['berlin* no', 'oslo no']);
  expect(changed).toContain('virginia');
  stop.abort();
  await running;
});

test('an answer in another cluster\'s name is none; a peer that the hub takes away is forgotten', async () => {
  const { clock, state, answers, says, meet, evidence, probes, run, stop, asked } = setting();
  answers.set('oslo', says('virginia'));
  meet('oslo');
  const running = run();
  await clock.advance(8000);
  expect(evidence('oslo')).toEqual(['berlin* no']);
  state.receive('PeerAddress', [], ['oslo']);
  const count = asked.length;
  await clock.advance(8000);
  expect([evidence('oslo'), probes.own(), asked.length]).toEqual([[], [], count]);
  stop.abort();
  await running;
});

test('a peer that refuses or cannot be understood is there: only silence and strangers count against it', async () => {
  const { clock, answers, says, meet, evidence, run, stop } = setting();
  answers.set('oslo', says('oslo'));
  meet('oslo');
  const running = run();
  await clock.advance(100);
  const refusals = [
    new TransportError('retry', 'Overloaded', 'its agent has just started'),
    new TransportError('user', 'Unauthenticated', 'client certificate: expired', true),
    new TransportError('never', 'InvalidRequest', 'its answer cannot be read', true),
  ];
  for (const refusal of refusals) {
    answers.set('oslo', refusal);
    await clock.advance(20_000);
    expect(evidence('oslo')).toEqual(['berlin* yes']);
  }
  answers.set('oslo', new TransportError('user', 'Unauthenticated', 'its certificate was refused'));
  await clock.advance(20_000);
  expect(evidence('oslo')).toEqual(['berlin* no']);
  stop.abort();
  await running;
});

test('two hundred peers that hang do not keep the living from being asked in time', async () => {
  const { clock, answers, says, meet, evidence, asked, run, stop } = setting();
  for (let index = 0; index < 100; index += 1) { answers.set(`hang-${index}`, 'silent'); meet(`hang-${index}`); }
  for (let index = 0; index < 100; index += 1) { answers.set(`live-${index}`, says(`live-${index}`)); meet(`live-${index}`); }
  const running = run();
  await clock.advance(10_000);
  const before = asked.length;
  await clock.advance(20_000);
  expect(evidence('live-7')).toEqual(['berlin* yes']);
  // Asked every two seconds, within jitter and the queue: never in step, never more than that.
  const live = asked.slice(before).filter((entry) => entry.startsWith('live-'));
  expect(live.length).toBeGreaterThan(100 * 20 / 4);
  expect(asked.slice(before).length).toBeLessThanOrEqual(200 * 20 / 2 * 1.1);
  stop.abort();
  await running;
});
