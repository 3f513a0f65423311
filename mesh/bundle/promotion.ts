/**
 * What each channel is to be on, and whether a run is to be made for it now. What passed the channel before it goes on unchanged, by its digest; what failed is not
 * tried again by itself; nothing goes down by itself. Total and sorted by name.
 */
import type { BundleReference } from '../model/bundle.ts';
import { compareVersions } from '../model/compare.ts';
import { type Instant, seconds, toRfc3339 } from '../model/instant.ts';
import { compareText, sortedByName } from '../model/order.ts';
import { FINAL_RUN_PHASES } from '../model/rollout.ts';
import type { BundleCandidate, ChannelDecision, ChannelReason, ChannelRun, ChannelValue, Wanted } from './channel.ts';
import { isInRange, parseSemanticVersion, parseVersionRange } from './version.ts';
import { listed } from '../model/listed.ts';

export interface PromotionInput {
  readonly channels: readonly ChannelValue[];
  readonly bundles: readonly BundleCandidate[];
  /** Newest last. */
  readonly runs: readonly ChannelRun[];
}

type Choice = { readonly wanted: Wanted | null; readonly blocked: ChannelReason | null; readonly wakeAt: Instant | null };

export const ANY_BUNDLE = 'Bundles';
/** Clusters that a run left behind, or that came since, get another run not sooner: whatever keeps them behind must not make runs without end. */
const PAUSE_SECONDS = 60;
const because = (reason: ChannelReason['reason'], message: string): ChannelReason => ({ reason, message });
const nothing = (blocked: ChannelReason, wakeAt: Instant | null = null): Choice => ({ wanted: null, blocked, wakeAt });
const some = (names: readonly string[]): string => listed(names, 5);
const isOpen = ({ phase }: ChannelRun): boolean => !FINAL_RUN_PHASES.includes(phase);

/** What all clusters of a channel have alike. */
function currentOf({ clusters }: ChannelValue): BundleReference | null {
  const [first] = clusters;
  return first?.bundle != null && clusters.every(({ bundle }) => bundle?.digest === first.bundle?.digest) ? first.bundle : null;
}

/** The channels that it takes from, nearest first; ends where one comes again. */
function upstream(channel: ChannelValue, byName: ReadonlyMap<string, ChannelValue>): { readonly names: readonly string[]; readonly circle: boolean } {
  const names = [channel.name];
  for (let next = channel.autoUpdate?.from; next !== undefined && next !== ANY_BUNDLE; next = byName.get(next)?.autoUpdate?.from) {
    if (names.includes(next)) return { names: [...names, next], circle: next === channel.name };
    names.push(next);
  }
  return { names, circle: false };
}

function invalidity(channel: ChannelValue, byName: ReadonlyMap<string, ChannelValue>): ChannelReason | null {
  const { autoUpdate } = channel;
  if (autoUpdate === undefined) return null;
  if (parseVersionRange(autoUpdate.range) === undefined) return because('Invalid', `spec.autoUpdate.range: ${JSON.stringify(autoUpdate.range)} is no range of versions; write for example ^1.4, ~2.1 or >=1.2 <2`);
  if (autoUpdate.from === ANY_BUNDLE) return null;
  const { names, circle } = upstream(channel, byName);
  if (circle) return because('Circle', `spec.autoUpdate.from: ${names.join(' takes from ')}: nothing could ever come into the circle; let one of them take from ${ANY_BUNDLE}`);
  const source = byName.get(autoUpdate.from);
  if (source === undefined) return because('NoSuchChannel', `spec.autoUpdate.from: there is no Channel "${autoUpdate.from}"; create it, or take from ${ANY_BUNDLE}`);
  if (source.package !== channel.package) return because('OtherPackage', `spec.autoUpdate.from: Channel ${source.name} is of package ${source.package}, this one of ${channel.package}`);
  return null;
}

/** Two channels of one package on one cluster would take it from each other for ever. */
function overlap(channel: ChannelValue, channels: readonly ChannelValue[]): ChannelReason | null {
  const mine = new Set(channel.clusters.map(({ name }) => name));
  for (const other of channels) {
    if (other.name === channel.name || other.package !== channel.package) continue;
    const shared = other.clusters.filter(({ name }) => mine.has(name)).map(({ name }) => name);
    if (shared.length > 0) return because('Overlap', `spec.clusters: ${some(shared)} would be on Channel ${other.name} as well; a cluster is on one channel of a package`);
  }
  return null;
}

/** Named by a person: whatever its version is. */
function pinned(name: string, channel: ChannelValue, bundles: readonly BundleCandidate[]): Choice {
  const bundle = bundles.find((one) => one.name === name);
  if (bundle === undefined) return nothing(because('NoSuchBundle', `spec.bundle: there is no Bundle "${name}"`));
  if (bundle.package !== channel.package) return nothing(because('OtherPackage', `spec.bundle: Bundle ${name} is of package ${bundle.package}, the channel of ${channel.package}`));
  return bundle.problem === undefined ? { wanted: bundle, blocked: null, wakeAt: null } : nothing(because('NotUsable', `Bundle ${name} is not used: ${bundle.problem}`));
}

/** The highest one in range that is old enough; one that is too young is awaited only where it is higher. */
function newest(channel: ChannelValue, range: string, bundles: readonly BundleCandidate[], now: Instant): Choice {
  const bounds = parseVersionRange(range);
  const fitting = bundles.flatMap((bundle) => {
    const version = bundle.package === channel.package ? parseSemanticVersion(bundle.version) : undefined;
    return version !== undefined && bounds !== undefined && isInRange(version, bounds) ? [{ bundle, version }] : [];
  }).sort((a, b) => compareVersions(b.version, a.version) || compareText(a.bundle.name, b.bundle.name));
  const oldEnough = ({ createdAt }: BundleCandidate): Instant => createdAt + seconds(channel.minimumAgeSeconds);
  const usable = fitting.filter(({ bundle }) => bundle.problem === undefined);
  const found = usable.find(({ bundle }) => oldEnough(bundle) <= now);
  const younger = usable.filter(({ bundle, version }) => oldEnough(bundle) > now && (found === undefined || compareVersions(version, found.version) > 0));
  const wakeAt = younger.length === 0 ? null : Math.min(...younger.map(({ bundle }) => oldEnough(bundle)));
  if (found !== undefined) return { wanted: found.bundle, blocked: null, wakeAt };
  const [young] = younger;
  if (young !== undefined) return nothing(because('TooYoung', `Bundle ${young.bundle.name} is not ${channel.minimumAgeSeconds} s old before ${toRfc3339(oldEnough(young.bundle))}`), wakeAt);
  const [wrong] = fitting;
  return nothing(wrong === undefined ? because('NothingYet', `there is no Bundle of package ${channel.package} in ${range}`) : because('NotUsable', `Bundle ${wrong.bundle.name} is not used: ${wrong.bundle.problem ?? ''}`));
}

/** What every cluster of the other channel has by a run of that channel that completed, and is healthy on now. */
function passed(channel: ChannelValue, range: string, source: ChannelValue, { runs, bundles }: PromotionInput, now: Instant): Choice {
  const notYet = (message: string): Choice => nothing(because('NotPassed', message));
  if (source.clusters.length === 0) return notYet(`Channel ${source.name} has no clusters, so nothing can pass it`);
  const current = currentOf(source);
  if (current === null) return notYet(`not every cluster of Channel ${source.name} has the same version of ${channel.package}`);
  const what = `${current.package} ${current.version}`;
  const own = runs.filter((run) => run.channel === source.name);
  const open = own.find(isOpen);
  if (open !== undefined) return notYet(`run ${open.name} of Channel ${source.name} is on its way`);
  const run = own.findLast(({ digest }) => digest === current.digest);
  if (run === undefined) return notYet(`no run of Channel ${source.name} brought ${what} there`);
  if (run.undoes === true) return notYet(`run ${run.name} took ${what} back from Channel ${source.name}`);
  if (run.phase !== 'Completed') return notYet(`run ${run.name} of Channel ${source.name}, which brought ${what}, ended as ${run.phase}`);
  const sick = source.clusters.filter(({ healthy }) => !healthy).map(({ name }) => name);
  if (sick.length > 0) return notYet(`${what} is not known to be healthy now on ${some(sick)} of Channel ${source.name}`);
  const [version, bounds] = [parseSemanticVersion(current.version), parseVersionRange(range)];
  if (version === undefined || bounds === undefined || !isInRange(version, bounds)) return nothing(because('NothingYet', `${what}, which Channel ${source.name} is on, is not in ${range}`));
  const candidate = bundles.find(({ digest }) => digest === current.digest);
  if (candidate?.problem !== undefined) return nothing(because('NotUsable', `Bundle ${candidate.name} is not used: ${candidate.problem}`));
  const ripe = (run.finishedAt ?? now) + seconds(channel.minimumAgeSeconds);
  if (ripe > now) return nothing(because('TooYoung', `${what} is on Channel ${source.name} since run ${run.name}; ${channel.minimumAgeSeconds} s of it are over at ${toRfc3339(ripe)}`), ripe);
  return { wanted: { ...current, name: candidate?.name ?? run.bundle }, blocked: null, wakeAt: null };
}

function chosen(channel: ChannelValue, byName: ReadonlyMap<string, ChannelValue>, input: PromotionInput, now: Instant): Choice {
  const { bundle, autoUpdate } = channel;
  if (bundle !== undefined) return pinned(bundle, channel, input.bundles);
  if (autoUpdate === undefined) return nothing(because('Invalid', 'give spec.bundle, spec.autoUpdate or both'));
  const source = byName.get(autoUpdate.from);
  const choice = autoUpdate.from === ANY_BUNDLE || source === undefined ? newest(channel, autoUpdate.range, input.bundles, now) : passed(channel, autoUpdate.range, source, input, now);
  const higher = choice.wanted === null ? undefined : aboveIn(channel, choice.wanted);
  return higher === undefined || choice.wanted === null ? choice
    : nothing(because('Lower', `${choice.wanted.version} is lower than ${higher.version}, which ${higher.cluster} is on, and nothing goes down by itself; set spec.bundle to go back`), choice.wakeAt);
}

/** A cluster of the channel that is on a higher version. */
function aboveIn({ clusters }: ChannelValue, wanted: BundleReference): { readonly cluster: string; readonly version: string } | undefined {
  const limit = parseSemanticVersion(wanted.version);
  for (const { name, bundle } of clusters) {
    const version = bundle === null || bundle.digest === wanted.digest ? undefined : parseSemanticVersion(bundle.version);
    if (version !== undefined && limit !== undefined && compareVersions(version, limit) > 0) return { cluster: name, version: bundle?.version ?? '' };
  }
  return undefined;
}

/** What the newest run of this digest means for another one on all clusters. */
function heldBack(wanted: Wanted, last: ChannelRun | undefined): ChannelReason | null {
  if (last === undefined) return null;
  const what = `${wanted.package} ${wanted.version}`;
  if (last.undoes === true) return because('TakenBack', `run ${last.name} took ${what} back; it is not brought again by itself: delete UpdateRun ${last.name} to have it brought, set spec.bundle to another Bundle, or publish a newer version`);
  if (last.phase === 'Completed' || last.phase === 'CompletedWithFailures') return null;
  return because('RunFailed', `run ${last.name}, which was to bring ${what}, ended as ${last.phase}; it is not tried again by itself: "isthmus run retry ${last.name}" does, or publish a newer version`);
}

function decideOne(channel: ChannelValue, channels: readonly ChannelValue[], byName: ReadonlyMap<string, ChannelValue>, input: PromotionInput, now: Instant): ChannelDecision {
  const invalid = invalidity(channel, byName) ?? overlap(channel, channels);
  const openRun = input.runs.find((run) => run.channel === channel.name && isOpen(run))?.name ?? null;
  const none = { channel: channel.name, current: currentOf(channel), invalid, openRun, makeRun: false, only: null };
  if (invalid !== null) return { ...none, wanted: null, blocked: invalid, behind: [], wakeAt: null };
  const { wanted, blocked, wakeAt } = chosen(channel, byName, input, now);
  if (wanted === null) return { ...none, wanted, blocked, behind: [], wakeAt };
  const late = channel.clusters.filter(({ bundle }) => bundle?.digest !== wanted.digest);
  const known = { ...none, wanted, behind: late.map(({ name }) => name), wakeAt };
  if (channel.clusters.length === 0) return { ...known, blocked: because('NoClusters', 'spec.clusters selects no cluster') };
  if (openRun !== null) return { ...known, blocked: null };
  const last = input.runs.findLast((run) => run.channel === channel.name && run.digest === wanted.digest);
  const failed = heldBack(wanted, last) ?? spentReason(channel, wanted, last);
  const free = late.filter(({ name }) => last?.spent?.has(name) !== true);
  if (heldBack(wanted, last) !== null || free.length === 0) return { ...known, blocked: failed };
  const ready = free.filter(({ held }) => held === null);
  if (ready.length === 0) return { ...known, blocked: because('Held', free.slice(0, 5).map(({ name, held }) => `${name} is held back: ${held ?? ''}`).join('; ')) };
  const again = last === undefined ? now : (last.finishedAt ?? now) + seconds(PAUSE_SECONDS);
  if (again > now) return { ...known, blocked: failed, wakeAt: Math.min(again, wakeAt ?? again) };
  return { ...known, blocked: failed, makeRun: true, only: last === undefined ? null : free.map(({ name }) => name) };
}

/** Clusters of the channel on which the newest run of this digest did not come to a good end. */
function spentReason({ clusters }: ChannelValue, wanted: Wanted, last: ChannelRun | undefined): ChannelReason | null {
  const spent = clusters.filter(({ name }) => last?.spent?.has(name)).map(({ name }) => name);
  return last === undefined || spent.length === 0 ? null
    : because('RunFailed', `run ${last.name} did not bring ${wanted.package} ${wanted.version} to ${some(spent)} (${last.phase}); it is not tried again there by itself: "isthmus run retry ${last.name}" does, or publish a newer version`);
}

export function decideChannels(input: PromotionInput, now: Instant): readonly ChannelDecision[] {
  const channels = sortedByName(input.channels);
  const byName = new Map(channels.map((channel) => [channel.name, channel]));
  return channels.map((channel) => decideOne(channel, channels, byName, input, now));
}
