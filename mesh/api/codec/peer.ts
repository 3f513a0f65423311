/** Peer.Facts: bytes ↔ model. */
import type { PeerFacts } from '../../ports/transport.ts';
import * as wire from '../gen/isthmus/v1/peer.ts';
import { BOUNDS, decodeWith, instant, list, name } from './bounds.ts';
import { exportFactFromWire, exportFactToWire } from './service.ts';

export function encodePeerFacts(facts: PeerFacts): Uint8Array {
  return wire.FactsResponse.encode({ ...facts, exports: facts.exports.map(exportFactToWire) }).finish();
}

export function decodePeerFacts(input: Uint8Array): PeerFacts {
  const facts = decodeWith('Facts response', (encoded) => wire.FactsResponse.decode(encoded), input);
  return {
    cluster: name('cluster', facts.cluster),
    exports: list('exports', facts.exports, BOUNDS.peerExports).map((fact, index) => exportFactFromWire(`exports[${index}]`, fact)),
    reachability: list('reachability', facts.reachability, BOUNDS.clusters).map((item, index) => ({
      cluster: name(`reachability[${index}].cluster`, item.cluster),
      reachable: item.reachable,
      since: instant(`reachability[${index}].since`, item.since),
    })),
  };
}
