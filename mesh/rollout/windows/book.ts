/** All windows at one time: each is evaluated once, however many clusters ask. */
import type { ChangeWindowValue, WindowInterval, WindowOverrideValue, WindowRun } from '../../model/change-window.ts';
import { matchesGlob } from '../../model/glob.ts';
import type { Instant } from '../../model/instant.ts';
import type { WindowVerdict } from '../../model/rollout.ts';
import { type ClusterSelector, matchesSelector, selectorProblem, type SelectorSubject } from '../../model/selector.ts';
import { compileWindow, refusal } from './compile.ts';
import { closingAfter, isOpenAt, openingAfter, type Schedule } from './schedule.ts';
import { HORIZON_MILLISECONDS } from './timeline.ts';

/** One window, now. */
export interface WindowState {
  readonly window: ChangeWindowValue;
  /** Why it cannot be judged: it is closed to everybody whom it may concern until somebody repairs it. */
  readonly problem?: string;
  readonly open: boolean;
  /** The interval that it is in, or the next one; null: none within the horizon. */
  readonly interval: WindowInterval | null;
}

/** What one window has to do with a cluster. */
export interface WindowPart extends WindowState {
  readonly selects: boolean;
  /** false: it is not about this run. */
  readonly concernsRun: boolean;
}

export interface WindowBook {
  readonly states: readonly WindowState[];
  /** `subject` should be the same object until something about the cluster changes: which windows select it is kept by it. */
  verdict(subject: SelectorSubject, run: WindowRun): WindowVerdict;
  /** Of every window, in order of names. `run` undefined: of any run. */
  parts(subject: SelectorSubject, run: WindowRun | undefined): readonly WindowPart[];
  /** When time alone changes what any window or override says; null: not within the horizon. */
  readonly wakeAt: Instant | null;
}

/** What open windows and none give. */
const UNRESTRICTED: WindowVerdict = { open: true, reason: '', opensAt: null, closesAt: null };

/** Which windows select a cluster, by the list of windows and the cluster: a fleet is asked about again with every decision. */
const selections = new WeakMap<readonly ChangeWindowValue[], WeakMap<SelectorSubject, readonly number[]>>();

/** `windows` sorted by name, and the same array until one of them changes. */
export function createWindowBook(windows: readonly ChangeWindowValue[], overrides: readonly WindowOverrideValue[], now: Instant): WindowBook {
  const horizon = now + HORIZON_MILLISECONDS;
  let states: readonly WindowState[] | undefined;
  const statesNow = (): readonly WindowState[] => (states ??= windows.map((window) => stateOf(window, now, horizon)));
  const verdicts = new Map<string, WindowVerdict>();
  /** By what windows ask of a run: which are about it, and what they say of the clusters that were asked for. */
  const scopes = new Map<string, { readonly concerns: readonly boolean[]; readonly bySubject: WeakMap<SelectorSubject, WindowVerdict> }>();
  /** By run, the longest first. */
  const overridesInForce = new Map<string, WindowOverrideValue[]>();
  for (const override of [...overrides].sort((a, b) => b.expiresAt - a.expiresAt)) {
    if (now < override.expiresAt) overridesInForce.set(override.run, [...overridesInForce.get(override.run) ?? [], override]);
  }
  const known = selections.get(windows) ?? new WeakMap<SelectorSubject, readonly number[]>();
  selections.set(windows, known);

  function selecting(subject: SelectorSubject): readonly number[] {
    let indexes = known.get(subject);
    if (indexes === undefined) {
      indexes = windows.flatMap((window, index) => (mayConcern(window.clusters, subject) ? [index] : []));
      known.set(subject, indexes);
    }
    return indexes;
  }

  function scopeOf(run: WindowRun): { readonly concerns: readonly boolean[]; readonly bySubject: WeakMap<SelectorSubject, WindowVerdict> } {
    const key = JSON.stringify([run.strategy, run.package ?? null]);
    const scope = scopes.get(key) ?? { concerns: windows.map((window) => concernsRun(window, run)), bySubject: new WeakMap<SelectorSubject, WindowVerdict>() };
    scopes.set(key, scope);
    return scope;
  }

  /** By windows alone, without overrides. */
  function byWindows(indexes: readonly number[]): WindowVerdict {
    if (indexes.length === 0) return UNRESTRICTED;
    const key = indexes.join(' ');
    let verdict = verdicts.get(key);
    if (verdict === undefined) {
      verdict = judge(indexes.map((index) => statesNow()[index]!), now, horizon);
      verdicts.set(key, verdict);
    }
    return verdict;
  }

  /** When what is open until `at` closes: then, or later where windows are open by then. */
  function closingFrom(indexes: readonly number[], at: Instant): Instant | null {
    const concerned = indexes.map((index) => statesNow()[index]!);
    const schedule = scheduleOf(concerned);
    return concerned.some(({ problem }) => problem !== undefined) || !isOpenAt(schedule, at, horizon) ? at : closingAfter(schedule, at, horizon);
  }

  return {
    get states() { return statesNow(); },
    verdict(subject, run) {
      const { concerns, bySubject } = scopeOf(run);
      const indexes = (): readonly number[] => selecting(subject).filter((index) => concerns[index]);
      const verdict = bySubject.get(subject) ?? byWindows(indexes());
      bySubject.set(subject, verdict);
      const override = verdict.open ? undefined : overridesInForce.get(run.name)?.find(({ clusters }) => clusters === undefined || matchesSelector(clusters, subject));
      if (override === undefined) return verdict;
      const { name, requestedBy, reason, expiresAt } = override;
      return { open: true, reason: `${verdict.reason}, overridden by WindowOverride ${name}`, opensAt: null, closesAt: closingFrom(indexes(), expiresAt), overriddenBy: `${requestedBy}: ${reason}` };
    },
    parts(subject, run) {
      const selected = new Set(selecting(subject));
      return statesNow().map((state, index) => ({ ...state, selects: selected.has(index), concernsRun: run === undefined || scopeOf(run).concerns[index]! }));
    },
    get wakeAt() {
      const wakes = [
        ...statesNow().flatMap(({ open, interval }) => (interval === null ? [] : open ? interval.to ?? [] : interval.from)),
        ...overrides.flatMap(({ expiresAt }) => (expiresAt > now ? expiresAt : [])),
      ];
      return wakes.length === 0 ? null : wakes.reduce((a, b) => Math.min(a, b));
    },
  };
}

/** For one cluster and one time; who asks for many keeps a book. */
export function windowVerdict(windows: readonly ChangeWindowValue[], overrides: readonly WindowOverrideValue[], subject: SelectorSubject, run: WindowRun, now: Instant): WindowVerdict {
  return createWindowBook(windows, overrides, now).verdict(subject, run);
}

/** Nobody can say whom a selector without a meaning selects: it closes for all rather than for none. */
const mayConcern = (clusters: ClusterSelector, subject: SelectorSubject): boolean => matchesSelector(clusters, subject) || selectorProblem(clusters) !== undefined;

function concernsRun({ strategies, packages }: ChangeWindowValue, run: WindowRun): boolean {
  return (strategies === undefined || strategies.some((glob) => matchesGlob(glob, run.strategy)))
    && (packages === undefined || (run.package !== undefined && packages.some((glob) => matchesGlob(glob, run.package!))));
}

function stateOf(window: ChangeWindowValue, now: Instant, horizon: Instant): WindowState {
  const compiled = compileWindow(window);
  if ('problem' in compiled) return { window, problem: compiled.problem, open: false, interval: null };
  try {
    const interval = compiled.timeline.next(now, horizon) ?? null;
    return { window, open: interval !== null && interval.from <= now, interval };
  } catch (error) {
    return { window, problem: `spec: ${refusal(error)}`, open: false, interval: null };
  }
}

function judge(states: readonly WindowState[], now: Instant, horizon: Instant): WindowVerdict {
  const broken = states.filter(({ problem }) => problem !== undefined);
  if (broken.length > 0) return { open: false, reason: broken.map(({ window, problem }) => `ChangeWindow ${window.name} cannot be read (${problem}): repair or delete ChangeWindow ${window.name}`).join('; '), opensAt: null, closesAt: null };
  const schedule = scheduleOf(states);
  if (isOpenAt(schedule, now, horizon)) {
    const within = states.filter(({ window, open }) => window.kind === 'Allow' && open);
    return { open: true, reason: within.length === 0 ? 'no ChangeWindow denies changes now' : `within ChangeWindow ${named(within)}`, opensAt: null, closesAt: closingAfter(schedule, now, horizon) };
  }
  const denying = states.filter(({ window, open }) => window.kind === 'Deny' && open);
  const allowing = states.filter(({ window }) => window.kind === 'Allow');
  const reason = denying.length > 0 ? `ChangeWindow ${named(denying)} denies changes now` : `outside ChangeWindow ${named(allowing)}`;
  return { open: false, reason, opensAt: openingAfter(schedule, now, horizon), closesAt: null };
}

const scheduleOf = (states: readonly WindowState[]): Schedule => ({ allows: timelinesOf(states, 'Allow'), denies: timelinesOf(states, 'Deny') });

const timelinesOf = (states: readonly WindowState[], kind: ChangeWindowValue['kind']) => states.filter(({ window }) => window.kind === kind).flatMap(({ window }) => {
  const compiled = compileWindow(window);
  return 'timeline' in compiled ? [compiled.timeline] : [];
});

const named = (states: readonly WindowState[]): string => states.map(({ window: { name, reason } }) => (reason === '' ? name : `${name} (${reason})`)).join(', ');
