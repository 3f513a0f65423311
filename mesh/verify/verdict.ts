/** From what was seen to a colour with reasons. Pure; total; the same input gives the same verdict. */
import { fromRfc3339, type Instant, seconds, toRfc3339 } from '../model/instant.ts';
import { type Colour, LONGEST_VERDICT_TEXT, MAX_VERDICT_REASONS, type PeerVerdict } from '../model/peer-verdict.ts';
import { type Heartbeat, isFailure, KINDS, type Life, type MirrorLook, type Observation, type RemoteLook } from './observation.ts';
import { REASON_CODES, type ReasonCode, REASONS } from './reasons.ts';

/** Cilium writes it every minute, and its readers raise an error after two of silence (`pkg/kvstore/etcd.go`). */
const HEARTBEAT_SILENCE_SECONDS = 130;
/** What network and rounding may take. */
const SKEW_TOLERANCE_SECONDS = 5;
/** Kubelets bring a changed Secret after up to about two minutes; then Cilium connects. */
const SETTLING_SECONDS = 180;
/** Certificates of the hub are renewed at half their life: with so little of it left nobody has. Of long ones a month is time enough. */
const LEFT_OF_LIFE = 0.2;
const LEFT_SECONDS = 30 * 24 * 3600;

type Found = readonly [code: ReasonCode, text: string];

interface Config { readonly id: number; readonly maxConnectedClusters: number | null; readonly cached: boolean }

/** undefined: the text is none. `maxConnectedClusters` was first told by 1.14; without it Cilium takes 255. */
export function readConfig(text: string): Config | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, capabilities } = value as { readonly id?: unknown; readonly capabilities?: unknown };
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > 511) return undefined;
  const { maxConnectedClusters, cached } = (typeof capabilities === 'object' && capabilities !== null ? capabilities : {}) as { readonly maxConnectedClusters?: unknown; readonly cached?: unknown };
  return { id, maxConnectedClusters: typeof maxConnectedClusters === 'number' && maxConnectedClusters > 0 ? maxConnectedClusters : null, cached: cached === true };
}

const secondsText = (milliseconds: number): string => `${Math.round(Math.abs(milliseconds) / 1000)} s`;

function* heartbeat({ value, before }: Heartbeat, now: Instant): Generator<Found> {
  if (value === undefined) {
    const since = before !== undefined && before.value === undefined ? before.firstAt : now;
    return void (yield [now - since > seconds(HEARTBEAT_SILENCE_SECONDS) ? 'HeartbeatMissing' : 'HeartbeatPending', 'cilium/.heartbeat is not there']);
  }
  const beat = fromRfc3339(value);
  if (beat === undefined) return void (yield ['HeartbeatMissing', 'cilium/.heartbeat holds no time']);
  if (beat > now + seconds(SKEW_TOLERANCE_SECONDS)) return void (yield ['ClockSkew', `its heartbeat of ${toRfc3339(beat)} is ${secondsText(beat - now)} ahead of the reader's clock`]);
  if (before?.value === value) {
    // By one clock alone, whatever the other says.
    if (now - before.firstAt > seconds(HEARTBEAT_SILENCE_SECONDS)) yield ['HeartbeatStale', `the heartbeat has been ${value} for ${secondsText(now - before.firstAt)}`];
    else if (now - beat > seconds(HEARTBEAT_SILENCE_SECONDS)) yield ['HeartbeatOld', `the heartbeat of ${value} is ${secondsText(now - beat)} old`];
    return;
  }
  if (before?.value !== undefined) {
    // It was written between the two looks: what is older than the first of them was stamped by a slow clock.
    const behind = before.lastAt - beat;
    if (behind > seconds(SKEW_TOLERANCE_SECONDS)) yield ['ClockSkew', `its heartbeat of ${value} was written after ${toRfc3339(before.lastAt)} by the reader's clock: at least ${secondsText(behind)} behind`];
    return;
  }
  if (now - beat > seconds(HEARTBEAT_SILENCE_SECONDS)) yield ['HeartbeatOld', `the heartbeat of ${value} is ${secondsText(now - beat)} old`];
}

const isShort = ({ notBefore, notAfter }: Life, now: Instant): boolean => notAfter - now < Math.min((notAfter - notBefore) * LEFT_OF_LIFE, seconds(LEFT_SECONDS));

function* content({ config: text, counts: _, ...look }: RemoteLook, { peer, expected, ids, now }: Observation): Generator<Found> {
  const config = text === undefined ? undefined : readConfig(text);
  if (text === undefined) yield ['WrongCluster', `cilium/cluster-config/${peer} is not there`];
  else if (config === undefined) yield ['ConfigInvalid', `cilium/cluster-config/${peer} is no cluster-config`];
  else {
    const { clusterId, maxConnectedClusters } = expected;
    if (clusterId !== null && config.id !== clusterId) yield ['IdMismatch', `it runs under id ${config.id}, planned is ${clusterId}`];
    const other = ids.get(config.id);
    if (other !== undefined && other !== peer) yield ['DuplicateId', `id ${config.id} is ${other}'s as well`];
    const most = config.maxConnectedClusters ?? 255;
    if (maxConnectedClusters !== null && most !== maxConnectedClusters) yield ['MaxConnectedClustersMismatch', `${peer} has ${most}, the reader ${maxConnectedClusters}`];
  }
  yield* heartbeat(look.heartbeat, now);
  if (look.refused.length > 0) yield ['ReadsTooLittle', `refused: ${look.refused.join(', ')}`];
  // MCS-API need not be on.
  const unsynced = KINDS.filter((kind) => kind !== 'serviceexports' && !look.synced.includes(kind) && !look.refused.includes(kind));
  if (unsynced.length > 0 && text !== undefined) yield ['NotSynced', `not complete: ${unsynced.join(', ')}`];
  if (look.overreach.length > 0) yield ['ReadsTooMuch', `readable: ${look.overreach.join(', ')}`];
  if (look.mayWrite) yield ['WritesAllowed', 'a write of cilium/.heartbeat would have been allowed (nothing was written)'];
  if (look.server.notAfter <= now) yield ['ServerCertificateExpired', `it ended ${toRfc3339(look.server.notAfter)}`];
  else if (isShort(look.server, now)) yield ['ServerCertificateExpiring', `it ends ${toRfc3339(look.server.notAfter)}`];
}

/**
 * A copy proves something of an entry only where KVStoreMesh has spoken since the entry is as it is. It does so for a new peer and at its own start, not when it reconnects
 * (`pkg/clustermesh/kvstoremesh`, `pkg/kvstore/store/syncstore.go`): of a changed entry the time that files take is waited for, and then the counts must follow.
 */
function* mirror({ config: text, syncedAt, counts, behindBefore }: MirrorLook, { entrySince, now, remote }: Observation): Generator<Found> {
  const settling = now - entrySince < seconds(SETTLING_SECONDS);
  if (text === undefined || readConfig(text)?.cached !== true) return void (yield [settling ? 'MirrorPending' : 'MirrorMissing', 'the own etcd has no copied cluster-config of it']);
  if (syncedAt === undefined) return void (yield [settling ? 'MirrorPending' : 'MirrorMissing', 'KVStoreMesh has not said that its copy is complete']);
  if (settling && syncedAt < entrySince - seconds(SKEW_TOLERANCE_SECONDS)) yield ['MirrorPending', `the copy was last complete ${toRfc3339(syncedAt)}, before the entry was as it is`];
  if (remote === undefined || isFailure(remote)) return;
  const behind = KINDS.filter((kind) => behindBefore.includes(kind) && remote.counts[kind] !== undefined && counts[kind] !== remote.counts[kind]);
  if (behind.length > 0) yield ['MirrorBehind', behind.map((kind) => `${kind} ${counts[kind] ?? 0} of ${remote.counts[kind] ?? 0}`).join(', ')];
}

function* findings(observation: Observation): Generator<Found> {
  const { missing, drifted, agentsEntryMissing, client, remote, mirror: copy, rootsElsewhere, now } = observation;
  if (missing !== undefined) yield missing.waiting === null ? ['NotWritten', 'there is no entry'] : ['Waiting', missing.waiting];
  if (drifted) yield ['Drifted', 'the entry is not as it was written'];
  if (agentsEntryMissing) yield ['AgentsEntryMissing', 'Secret cilium-clustermesh has no entry'];
  if (client !== null && client.notAfter <= now) yield ['ClientCertificateExpired', `it ended ${toRfc3339(client.notAfter)}`];
  else if (client !== null && isShort(client, now)) yield ['ClientCertificateExpiring', `it ends ${toRfc3339(client.notAfter)}`];
  if (remote !== undefined) {
    if (isFailure(remote)) yield [remote.code, remote.text];
    else yield* content(remote, observation);
  }
  const ofCopy: readonly Found[] = copy === undefined ? [] : isFailure(copy) ? [['MirrorUnreachable', copy.text]] : [...mirror(copy, observation)];
  yield* ofCopy;
  // A copy that is complete was made by who trusts the peer.
  if (rootsElsewhere !== undefined && missing === undefined && (copy === undefined || ofCopy.some(([code]) => code !== 'MirrorBehind'))) yield ['RootsElsewhere', `the pods have them from ${rootsElsewhere}`];
}

const worst = (colours: Iterable<Colour>): Colour => {
  const all = new Set(colours);
  return all.has('red') ? 'red' : all.has('yellow') ? 'yellow' : 'green';
};

const shortened = (text: string): string => (text.length > LONGEST_VERDICT_TEXT ? `${text.slice(0, LONGEST_VERDICT_TEXT - 3)}...` : text);

export function verdict(observation: Observation): Pick<PeerVerdict, 'colour' | 'reasons'> {
  const found = [...findings(observation)].sort(([a], [b]) => REASON_CODES.indexOf(a) - REASON_CODES.indexOf(b));
  return { colour: worst(found.map(([code]) => REASONS[code].colour)), reasons: found.slice(0, MAX_VERDICT_REASONS).map(([code, text]) => ({ code, text: shortened(text) })) };
}
