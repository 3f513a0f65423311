/** What the simulated transports stand on: hosts that serve, links that delay, part and break, all on one clock and one seed. */
import type { Instant } from '../../mesh/model/instant.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { type GatewayHandler, type PeerHandler, type ServerMaterial, TransportError } from '../../mesh/ports/transport.ts';

export interface NetworkSettings {
  readonly latencyMilliseconds: { readonly least: number; readonly most: number };
  /** Chance that a message breaks its connection, 0 to 1. */
  readonly breakChance: number;
  /** How long an end waits for a sign of life: gRPC's keepalive (30 s) and its timeout (10 s). */
  readonly silenceSeconds: number;
}

export const DEFAULT_NETWORK: NetworkSettings = { latencyMilliseconds: { least: 1, most: 10 }, breakChance: 0, silenceSeconds: 40 };

export type Service =
  | { readonly kind: 'gateway'; readonly handler: GatewayHandler; readonly material: () => ServerMaterial; readonly signal: CancelSignal }
  | { readonly kind: 'peer'; readonly handler: PeerHandler; readonly material: () => ServerMaterial; readonly signal: CancelSignal };

/** One connection between two hosts. */
export interface Link {
  readonly from: string;
  readonly to: string;
  /** Why it is broken; undefined: it is not. */
  broken: TransportError | undefined;
  readonly onBreak: Set<() => void>;
}

/** What the transports need of the network. */
export class Fabric {
  readonly clock: Clock;
  readonly settings: NetworkSettings;
  readonly services = new Map<string, Service>();
  readonly links = new Set<Link>();
  private readonly random: Random;
  private readonly partitions = new Set<string>();
  private readonly healed = new Set<() => void>();

  constructor(clock: Clock, random: Random, settings: NetworkSettings) {
    this.clock = clock;
    this.random = random;
    this.settings = settings;
  }

  open(from: string, to: string): Link {
    const link: Link = { from, to, broken: undefined, onBreak: new Set() };
    this.links.add(link);
    return link;
  }

  close(link: Link, reason: TransportError): void {
    if (link.broken !== undefined) return;
    link.broken = reason;
    this.links.delete(link);
    for (const notify of [...link.onBreak]) notify();
  }

  /** When a message sent now arrives; breaks the connection instead, sometimes. */
  departure(link: Link): Instant {
    const { least, most } = this.settings.latencyMilliseconds;
    const arrival = this.clock.now() + least + Math.floor(this.random.uniform() * (most - least + 1));
    if (this.random.uniform() < this.settings.breakChance) this.close(link, unreachable(link, 'the connection broke'));
    return arrival;
  }

  /** Waits until `at` and then for as long as the two hosts are parted. Breaks the connection where that takes too long. False: broken. */
  async arrive(link: Link, at: Instant): Promise<boolean> {
    await this.until(link, at);
    const giveUp = this.clock.now() + this.settings.silenceSeconds * 1000;
    while (link.broken === undefined && this.parted(link.from, link.to)) {
      await this.until(link, giveUp, this.healed);
      if (this.clock.now() >= giveUp && this.parted(link.from, link.to)) this.close(link, unreachable(link, `no sign of life for ${this.settings.silenceSeconds} s`));
    }
    return link.broken === undefined;
  }

  /** Sleeps until `at`, the link breaks, or one of `others` is called. */
  private async until(link: Link, at: Instant, others?: Set<() => void>): Promise<void> {
    const stop = new AbortController();
    const wake = (): void => stop.abort();
    link.onBreak.add(wake);
    others?.add(wake);
    if (link.broken === undefined) await this.clock.sleepUntil(at, stop.signal);
    link.onBreak.delete(wake);
    others?.delete(wake);
  }

  partition(a: string, b: string): void {
    this.partitions.add(pair(a, b));
    // Keepalive: both ends of an idle connection notice as well.
    for (const link of this.links) if (pair(link.from, link.to) === pair(a, b)) void this.arrive(link, this.clock.now());
  }

  heal(a: string, b: string): void {
    this.partitions.delete(pair(a, b));
    for (const wake of [...this.healed]) wake();
  }

  private parted(a: string, b: string): boolean {
    return this.partitions.has(pair(a, b));
  }

  crash(host: string): void {
    for (const address of [...this.services.keys()]) if (address.startsWith(`${host}:`)) this.services.delete(address);
    for (const link of [...this.links]) if (link.from === host || link.to === host) this.close(link, unreachable(link, `${host} is gone`));
  }
}

const pair = (a: string, b: string): string => [a, b].sort().join(' ');

export function unreachable(link: { readonly from: string; readonly to: string }, problem: string): TransportError {
  return new TransportError('retry', 'Unreachable', `${link.from} to ${link.to}: ${problem}`);
}
