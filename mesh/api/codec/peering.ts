/** How far a cluster is with its peers, and who still reads it: wire ↔ model. */
import { MAX_PEERS, type PeeringReport } from '../../model/desired.ts';
import type { Reader } from '../../model/sync.ts';
import type * as wire from '../gen/isthmus/v1/cluster.ts';
import { list, name, text } from './bounds.ts';

const names = (field: string, given: readonly string[]): readonly string[] => list(field, given, MAX_PEERS).map((one, index) => name(`${field}[${index}]`, one));

export const peeringToWire = ({ reads, waiting, keeps = [] }: PeeringReport): wire.PeeringReport => ({ reads: [...reads], waiting: waiting.map((one) => ({ ...one })), keeps: [...keeps] });

export const peeringFromWire = (field: string, { reads, waiting, keeps }: wire.PeeringReport): PeeringReport => ({
  reads: names(`${field}.reads`, reads),
  waiting: list(`${field}.waiting`, waiting, MAX_PEERS).map(({ peer, reason }, index) => ({ peer: name(`${field}.waiting[${index}].peer`, peer), reason: text(`${field}.waiting[${index}].reason`, reason) })),
  ...(keeps.length === 0 ? {} : { keeps: names(`${field}.keeps`, keeps) }),
});

export const readerFromWire = (field: string, { cluster, reads }: wire.Reader): Reader => ({ cluster: name(`${field}.cluster`, cluster), reads });
