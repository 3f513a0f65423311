import { expect, test } from 'vitest';
import { decodePeerFacts, encodePeerFacts } from '../../../mesh/api/codec/peer.ts';
import { MAX_MESSAGE_BYTES } from '../../../mesh/api/codec/bounds.ts';
import type { ExportFact } from '../../../mesh/model/service.ts';
import { sha256Hex } from '../../adapters/digest.ts';
import type { Exports } from '../observe/exports.ts';
import { createState } from '../state/state.ts';
import { answerPeers } from './answer.ts';

const peer = { cluster: 'oslo', spiffeId: 'spiffe://t/cluster/oslo', certificateSerial: '1' };
const fact = (name: string, endpoints: number): ExportFact => ({
  namespace: 'shop', name, cluster: 'berlin', version: { epoch: 1, sequence: 1 }, exportedAt: 0, type: 'ClusterSetIP', ipFamilies: ['IPv4'], sessionAffinity: 'None',
  ports: [{ name: 'http', protocol: 'TCP', port: 80 }], endpointsOmitted: 0, loadBalancerAddresses: [],
  endpoints: Array.from({ length: endpoints }, (_, index) => ({ addresses: [`10.0.${index >> 8}.${index & 255}`], ready: true, zone: 'europe-west3-a', ports: [{ name: 'http', protocol: 'TCP' as const, port: 8080 }] })),
});

test('an answer of two thousand large exports still fits a message; what is not authorised is not told', async () => {
  const facts = new Map(Array.from({ length: 2000 }, (_, index) => fact(`s${index}`, 100)).map((entry) => [`shop/${entry.name}`, entry]));
  const state = createState('berlin', sha256Hex);
  state.receive('ImportedFact', [...facts.values()].slice(1).map((value) => ({ name: `berlin/shop/${value.name}`, version: 'v', value })), []);
  const handler = answerPeers('berlin', { facts } as unknown as Exports, state, { own: () => [] });
  const answer = await handler.facts(peer);
  const bytes = encodePeerFacts(answer);
  expect(bytes.length).toBeLessThan(MAX_MESSAGE_BYTES);
  expect(bytes.length).toBeGreaterThan(1_000_000);
  expect(answer.exports.some(({ name }) => name === 's0')).toBe(false);
  expect(decodePeerFacts(bytes)).toEqual(answer);
});
