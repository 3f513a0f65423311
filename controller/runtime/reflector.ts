/**
 * Follows one kind of object at a server: a list, then a watch from it, and again after every failure. Rules of client-go's reflector
 * (`tools/cache/reflector.go`): a relist asks for nothing older than what is known, and for the newest where the server cannot give that.
 */
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind, type WatchEvent } from '../../mesh/ports/kubernetes.ts';
import type { Log } from '../../mesh/ports/log.ts';
import type { Random } from '../../mesh/ports/random.ts';
import { type BackoffLimits, backoffMilliseconds } from './backoff.ts';
import { messageOf } from './errors.ts';
import { CacheFull, createInitialLists, type Selected } from './initial-list.ts';
import type { Gathering } from './object-set.ts';
import { isOlder } from './resource-version.ts';

/** Quick at first, because most gaps are a connection that broke; client-go's ceiling. */
const RESTART_LIMITS: BackoffLimits = { baseMilliseconds: 200, maximumMilliseconds: 30_000, jitter: 1 };
/** A watch that ends sooner and brings nothing counts as a failure, or a broken proxy would make a hot loop. */
const SHORT_WATCH_MILLISECONDS = 1000;
/** A list and its watch, or a watch alone, that stood this long before it broke was no failure to get there: the next pause is short again. */
const STEADY_MILLISECONDS = 10_000;
/** The newest state was asked for and is older than what is known, so often in a row: the server was set back, by an old backup or an empty store. */
const SET_BACK_ANSWERS = 3;

/** Where what is read goes. */
interface ReflectorSink<T extends KubernetesObject> {
  gather(): Gathering<T>;
  replace(gathered: Gathering<T>): void;
  put(object: T): void;
  remove(object: T): void;
  failed(reason: string): void;
}

export interface ReflectorParts<T extends KubernetesObject> {
  readonly client: KubernetesClient;
  readonly kind: ResourceKind;
  readonly selected: Selected;
  readonly maximumObjects: number;
  readonly sink: ReflectorSink<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** The answer is from before what is known: another replica that lags, or a proxy's memory. */
class FromThePast extends Error {}

const isTooLarge = (error: KubernetesError): boolean => error.causes.some(({ reason }) => reason === 'ResourceVersionTooLarge');
/** No watch from this version will succeed, now or later. */
const needsList = (error: unknown): boolean => error instanceof FromThePast || error instanceof CacheFull || (error instanceof KubernetesError && (error.code === 410 || error.code === 400 || isTooLarge(error)));
const reasonOf = (error: unknown): string => (error instanceof KubernetesError ? error.reason : error instanceof FromThePast ? 'FromThePast' : error instanceof CacheFull ? 'CacheFull' : 'Unreachable');

/** Runs until `signal` aborts; never rejects. */
export async function reflect<T extends KubernetesObject>({ client, kind, selected, maximumObjects, sink, clock, random, log }: ReflectorParts<T>, signal: CancelSignal): Promise<void> {
  /** Watch from here; undefined: list first. */
  let position: string | undefined;
  /** The newest that was seen. */
  let known: string | undefined;
  /** The next list asks for the newest there is, whatever is known: the last one that asked for nothing older than it failed. */
  let newest = false;
  let setBack = 0;
  /** Something new came since the last pause. */
  let moved = false;
  const lists = createInitialLists<T>({ client, kind, selected, maximumObjects, clock, log });

  const moveTo = (version: string | undefined): void => {
    if (version === undefined || version === position || isOlder(version, position)) return;
    position = version;
    known = version;
    moved = true;
  };
  const complete = (gathered: Gathering<T>, version: string): void => {
    if (isOlder(version, known)) {
      setBack = newest ? setBack + 1 : 0;
      if (setBack < SET_BACK_ANSWERS) throw new FromThePast(`the list is of version ${version}, older than ${known} which was seen already`);
      log.warn({ version, known }, 'the server was set back to an older state: taking that over');
    }
    setBack = 0;
    newest = false;
    position = version;
    known = version;
    sink.replace(gathered);
  };
  const take = (event: WatchEvent<T>): void => {
    if (event.type === 'BOOKMARK') {
      if (isOlder(event.resourceVersion, position)) throw new FromThePast(`a bookmark of version ${event.resourceVersion}, older than ${position} which was seen already`);
      moveTo(event.resourceVersion);
      return;
    }
    const version = event.object.metadata.resourceVersion;
    if (event.type === 'DELETED') sink.remove(event.object);
    // A repeat: applied, it could bring back what was deleted since.
    else if (version !== position && !isOlder(version, position)) sink.put(event.object);
    moveTo(version);
  };

  async function follow(): Promise<void> {
    if (position === undefined) {
      try {
        const atLeast = newest ? undefined : known;
        const ended = await lists.stream({ atLeast, gather: sink.gather, complete, take }, signal);
        if (ended || signal.aborted) return;
        const paged = await lists.pages(atLeast, sink.gather(), signal);
        if (signal.aborted) return;
        complete(paged.gathered, paged.version);
      } catch (error) {
        if (position === undefined) newest = true;
        throw error;
      }
    }
    for await (const event of client.watch<T>(kind, { ...selected, resourceVersion: position ?? '' }, signal)) {
      if (signal.aborted) return;
      take(event);
    }
  }

  let failures = 0;
  while (!signal.aborted) {
    let pauseAtLeast = 0;
    let expired = false;
    const began = clock.now();
    moved = false;
    try {
      await follow();
      failures = moved || clock.now() - began >= SHORT_WATCH_MILLISECONDS ? 0 : failures + 1;
    } catch (error) {
      if (signal.aborted) return;
      failures = moved || clock.now() - began >= STEADY_MILLISECONDS ? 1 : failures + 1;
      if (needsList(error)) position = undefined;
      expired = error instanceof KubernetesError && error.code === 410;
      if (error instanceof KubernetesError && error.retryAfterSeconds !== undefined) pauseAtLeast = error.retryAfterSeconds * 1000;
      sink.failed(reasonOf(error));
      const fields = { failures, error: messageOf(error) };
      if (expired || failures < 3) log.info(fields, expired ? 'the version is too old: listing again' : 'interrupted, trying again');
      else log.warn(fields, 'still interrupted, trying again');
    }
    // The first relist after an expired version is normal working; only repeated ones wait.
    if (failures === 0 || (expired && failures === 1)) continue;
    await clock.sleepUntil(clock.now() + Math.max(pauseAtLeast, backoffMilliseconds(failures, RESTART_LIMITS, random)), signal);
  }
}
