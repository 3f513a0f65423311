/** What agents found when they opened each other's mesh etcds, as one matrix; on demand by looks of this moment. */
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { toRfc3339 } from '../../../mesh/model/instant.ts';
import type { PeerVerdict } from '../../../mesh/model/peer-verdict.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { type Matrix, type MatrixCell, matrixOf } from '../../../mesh/verify/matrix.ts';
import type { Cache } from '../../runtime/cache.ts';
import { cancelWithin } from '../../runtime/cancel.ts';
import { AdvisedError } from '../../runtime/errors.ts';
import type { Fleet } from '../gateway/fleet.ts';
import type { Publishers } from '../gateway/publishers.ts';
import type { Answers } from './answers.ts';

/** A peer that hangs costs its reader some ten seconds, and readers look at many at once. */
const PATIENCE_SECONDS = 20;

export interface VerifyParts {
  readonly clock: Clock;
  readonly meshes: Pick<Cache<MeshObject>, 'get'>;
  readonly fleet: Pick<Fleet, 'clusters' | 'connection' | 'value' | 'values' | 'subscribe'>;
  readonly publishers: Publishers;
}

interface Asked { readonly mesh?: string | undefined; readonly from?: string | undefined; readonly to?: string | undefined }

export function verifyAnswers({ clock, meshes, fleet, publishers }: VerifyParts): Pick<Answers, 'verify'> {
  const connected = (cluster: string): boolean => fleet.connection(cluster)?.connected === true;

  /** Whom a reader reads or is to read, as it says itself. */
  function peersOf(reader: string): readonly string[] {
    const peering = fleet.value(reader, 'AppliedReport', reader)?.value.peering;
    return [...new Set([...fleet.values(reader, 'PeerVerdict').keys(), ...peering?.reads ?? [], ...peering?.waiting.map(({ peer }) => peer) ?? []])];
  }

  function pairsOf({ mesh, from, to }: Asked): readonly (readonly [reader: string, peer: string])[] {
    const members = mesh === undefined ? undefined : membersOf(mesh);
    const among = (cluster: string): boolean => members === undefined || members.has(cluster);
    return fleet.clusters().filter((reader) => among(reader) && (from === undefined || reader === from))
      .flatMap((reader) => peersOf(reader).filter((peer) => among(peer) && (to === undefined || peer === to)).map((peer) => [reader, peer] as const));
  }

  function membersOf(name: string): ReadonlySet<string> {
    const object = meshes.get({ name });
    if (object === undefined) throw new AdvisedError('user', `mesh "${name}": there is no such mesh; "isthmus mesh get" lists them`);
    return new Set(object.status?.clusters?.map((member) => member.name));
  }

  function cellOf(from: string, to: string, question: string | undefined): MatrixCell {
    const verdict: PeerVerdict | undefined = fleet.value(from, 'PeerVerdict', to)?.value;
    const away = !connected(from);
    if (verdict === undefined) return { from, to, colour: 'yellow', reasons: [away ? awayReason(from) : { code: 'NotLooked', text: 'there is no verdict' }], since: null, at: null, fresh: false, figures: {} };
    const { colour, reasons, since, at, figures } = verdict;
    return { from, to, ...(away ? { colour: colour === 'red' ? colour : 'yellow', reasons: [...reasons, awayReason(from)] } : { colour, reasons }), since, at, fresh: question !== undefined && verdict.question === question, figures };
  }

  const awayReason = (cluster: string) => {
    const connection = fleet.connection(cluster);
    return { code: 'AgentAway', text: connection === undefined ? 'its agent has not been seen since this hub started' : `its agent is away since ${toRfc3339(connection.since)}` };
  };

  /** Returns when every pair was looked at for this question, or the time is over: what is missing then is told as it was. */
  async function lookAnew(pairs: readonly (readonly [string, string])[], to: string | undefined, id: string, signal: CancelSignal): Promise<void> {
    const missing = new Set(pairs.filter(([reader]) => connected(reader)).map(([reader, peer]) => `${reader} ${peer}`));
    const readers = [...new Set([...missing].map((pair) => pair.split(' ', 1)[0]!))];
    const wait = cancelWithin(signal);
    const unsubscribe = fleet.subscribe(({ cluster, type }) => {
      if (type !== 'PeerVerdict') return;
      for (const [peer, { value }] of fleet.values(cluster, 'PeerVerdict')) if (value.question === id) missing.delete(`${cluster} ${peer}`);
      if (missing.size === 0) wait.abort();
    });
    try {
      if (missing.size === 0) return;
      for (const reader of readers) publishers.tell(reader, 'Question', id, { id, dnsName: '', dnsType: '', verify: to ?? '*' });
      await clock.sleepUntil(clock.now() + PATIENCE_SECONDS * 1000, wait.signal);
    } finally {
      unsubscribe();
      wait.release();
      for (const reader of readers) publishers.untell(reader, 'Question', id);
    }
  }

  return {
    async verify({ fresh, ...asked }, { id, signal }): Promise<Matrix> {
      const pairs = pairsOf(asked);
      if (fresh) await lookAnew(pairs, asked.to, id, signal);
      return matrixOf(pairs.map(([from, to]) => cellOf(from, to, fresh ? id : undefined)), clock.now());
    },
  };
}
