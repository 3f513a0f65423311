/** One type's way to one subscriber: what it holds, what it refused, what is under way. Latest wins; at most one delta is unacknowledged. */
import type { SyncMessage, SyncResource, SyncType } from '../../../mesh/model/sync.ts';
import type { Publisher } from './publisher.ts';

export const MAX_DELTA_RESOURCES = 500;
export const MAX_DELTA_BYTES = 1024 * 1024;

type Delta = Extract<SyncMessage, { kind: 'delta' }>;

/** In `refused`: the removal itself was refused. */
const REMOVAL = Symbol('removal');

/**
 * Arrows: idle → (change) → pending → (nextDelta) → in flight → (ack) → idle | pending.
 * `pending` holds names, never values, so changes of one name while a delta is in flight cost nothing; it is bounded by the names that the
 * publisher or the subscriber holds.
 */
export class Publication {
  private readonly publisher: Publisher;
  private readonly type: SyncType;
  /** name → version that the subscriber holds. */
  private held = new Map<string, string>();
  /** name → what the subscriber refused; not sent again until it differs. What it holds of such a name instead is not known. */
  private refused = new Map<string, string | typeof REMOVAL>();
  private pending = new Set<string>();
  /** Removals that the publisher cannot speak of yet: looked at again only when it says so, or every wake would cost a look at each of them. */
  private withheld = new Set<string>();
  private inFlight: Delta | null = null;
  private subscribed = false;
  private answered = false;
  private nonce = 0;

  constructor(publisher: Publisher, type: SyncType) {
    this.publisher = publisher;
    this.type = type;
  }

  subscribe(known: Readonly<Record<string, string>>): void {
    this.held = new Map(Object.entries(known));
    this.refused = new Map();
    this.pending = new Set([...this.publisher.names(this.type), ...this.held.keys()]);
    this.withheld = new Set();
    this.inFlight = null;
    this.subscribed = true;
    this.answered = false;
  }

  /** Empty: what is withheld may have changed. */
  changed(name: string): void {
    if (!this.subscribed) return;
    if (name === '') {
      for (const held of this.withheld) this.pending.add(held);
      this.withheld.clear();
      return;
    }
    this.withheld.delete(name);
    if (this.publisher.get(this.type, name) !== undefined || this.subscriberMayHold(name)) this.pending.add(name);
    else this.pending.delete(name);
  }

  /** undefined: nothing to tell now. After a subscription the first delta comes in any case, so that the subscriber learns that it is up to date. */
  nextDelta(): Delta | undefined {
    if (!this.subscribed || this.inFlight !== null) return undefined;
    const resources: SyncResource[] = [];
    const removed: string[] = [];
    let bytes = 0;
    for (const name of [...this.pending].sort()) {
      const resource = this.publisher.get(this.type, name);
      if (resource === undefined && this.publisher.withheld(this.type, name) && this.subscriberMayHold(name)) {
        this.pending.delete(name);
        this.withheld.add(name);
        continue;
      }
      const owed = resource === undefined
        ? this.subscriberMayHold(name) && this.refused.get(name) !== REMOVAL
        : this.held.get(name) !== resource.version && this.refused.get(name) !== resource.version;
      if (!owed) {
        this.pending.delete(name);
        continue;
      }
      const size = name.length * 2 + (resource?.bytes ?? 0);
      const count = resources.length + removed.length;
      if (count === MAX_DELTA_RESOURCES || (count > 0 && bytes + size > MAX_DELTA_BYTES)) break;
      bytes += size;
      this.pending.delete(name);
      if (resource === undefined) removed.push(name);
      else resources.push({ name, version: resource.version, value: resource.value });
    }
    if (resources.length + removed.length === 0 && this.answered) return undefined;
    this.answered = true;
    this.nonce += 1;
    this.inFlight = { kind: 'delta', type: this.type, nonce: String(this.nonce), resources, removed };
    return this.inFlight;
  }

  /** Takes the answer to the delta in flight; any other nonce is old or repeated, and false. */
  acknowledged(nonce: string, error: string): boolean {
    const delta = this.inFlight;
    if (delta === null || delta.nonce !== nonce) return false;
    this.inFlight = null;
    for (const { name, version } of delta.resources) {
      if (error === '') {
        this.held.set(name, version);
        this.refused.delete(name);
      } else {
        this.held.delete(name);
        this.refused.set(name, version);
      }
    }
    for (const name of delta.removed) {
      if (error === '') {
        this.held.delete(name);
        this.refused.delete(name);
      } else {
        this.held.delete(name);
        this.refused.set(name, REMOVAL);
      }
    }
    return true;
  }

  /** Names waiting for a delta: the length of this queue. */
  get backlog(): number {
    return this.pending.size + this.withheld.size;
  }

  private subscriberMayHold(name: string): boolean {
    return this.held.has(name) || this.refused.has(name) || (this.inFlight?.resources.some((resource) => resource.name === name) ?? false);
  }
}
