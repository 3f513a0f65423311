/** Scenarios as text: one command a line, its object as YAML indented below it. `commands.ts` says what each does. */
import { parse } from 'yaml';
import { COMMANDS } from './commands.ts';
import type { Context } from './context.ts';
import { createFleet, type FleetOptions } from './fleet.ts';
import type { Fleet } from './hosts.ts';
import { observe } from './observer.ts';
import type { Topic, TraceEvent } from './trace.ts';

interface Command {
  /** From 1. */
  readonly line: number;
  readonly text: string;
  /** Comment lines right above it. */
  readonly heading: readonly string[];
  readonly words: readonly string[];
  readonly body: unknown;
}

function parseScenario(text: string): readonly Command[] {
  const lines = text.split('\n');
  const commands: Command[] = [];
  let heading: string[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]!;
    if (line.startsWith('#')) heading.push(line);
    if (line.trim() === '') heading = [];
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (line.startsWith(' ')) throw new Error(`line ${index + 1}: is indented, but no command stands above it`);
    const start = index;
    const body: string[] = [];
    while (lines[index + 1]?.startsWith(' ') === true) body.push(lines[(index += 1)]!);
    commands.push({ line: start + 1, text: line.trim(), heading, words: line.trim().split(/\s+/), body: body.length === 0 ? undefined : parse(body.join('\n')) });
    heading = [];
  }
  return commands;
}

export interface ScenarioResult {
  /** Every line of the trace. */
  readonly trace: readonly string[];
  /** Each command with what it brought about, host by host: what a person reads, and what goldens hold. */
  readonly summary: string;
  readonly wakes: number;
  readonly virtualSeconds: number;
}

const TOLD: readonly Topic[] = ['process', 'network', 'condition', 'journal', 'asked', 'dns'];
/** An expectation is looked at again after this long. */
const LOOK_MILLISECONDS = 10;
/** Trace lines that go with a failure. */
const LAST_LINES = 50;

/** What a condition or a name came to, one after another: `Cluster/oslo Ready: False Disconnected, True Ready`. */
const SUBJECT: Readonly<Partial<Record<Topic, RegExp>>> = { condition: /^(\S+ [^=]+)=(.*)$/, dns: /^(\S+ \S+) (.*)$/ };

/** Of names that the server gave (`generateName`), with the letters that Kubernetes takes, or that end in a digest. */
const withoutSuffixes = (text: string): string => text.replaceAll(/-(?:[bcdfghjklmnpqrstvwxz2456789]{5}|(?=[0-9a-f]*\d)(?:[0-9a-f]{12}|[0-9a-f]{10}))\b/g, '-…');

/** Times are left out, names of runs (empty: one that the scenario knows by its name) told by their number, and hosts and objects told one after another, so that a change of pace alone changes no golden. */
function tell(events: readonly TraceEvent[], runs: readonly string[]): string[] {
  const named = (text: string): string => withoutSuffixes(runs.reduce((all, run, index) => (run === '' ? all : all.replaceAll(run, `run ${index + 1}`)), text));
  const lines: { readonly key: string; text: string }[] = [];
  for (const { host, topic, text } of events.filter((event) => TOLD.includes(event.topic))) {
    const [, subject, value = ''] = SUBJECT[topic]?.exec(text) ?? [];
    const key = subject === undefined ? `${host} ${topic}` : `${host} ${topic} ${subject}`;
    const line = subject === undefined ? undefined : lines.find((one) => one.key === key);
    if (line === undefined) lines.push({ key, text: `    ${host.padEnd(8)} ${subject === undefined ? named(text) : `${withoutSuffixes(subject)}: ${value}`}` });
    else line.text += `, ${value}`;
  }
  return lines.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ text }) => text);
}

const printed = (events: readonly TraceEvent[]): string[] =>
  events.filter(({ topic, text }) => topic === 'printed' && text !== '').flatMap(({ text }) => withoutSuffixes(text).trimEnd().split('\n').map((line) => `    ${line}`.trimEnd()));

export interface ScenarioOptions extends FleetOptions {
  /** Passes after each command, so that what belongs together is told together. */
  readonly restMilliseconds?: number;
  /** Of what happens, what the summary tells; absent: all of it. */
  readonly tells?: (event: TraceEvent) => boolean;
  /** Called before each command with the comment right above it. */
  readonly beforeCommand?: (heading: readonly string[], fleet: Fleet) => void;
}

export async function runScenario(text: string, options: ScenarioOptions): Promise<ScenarioResult> {
  const commands = parseScenario(text);
  const [first] = commands;
  const fleet = await createFleet(first?.words[0] === 'fleet' ? { ...options, generated: Number(first.words[1]) } : options);
  const observer = observe(fleet, { host: 'checkout.global.example.com', service: { namespace: 'shop', name: 'checkout' } });
  const started = fleet.clock.now();
  const runs = (): string[] => [...new Set(fleet.journal.map((entry) => entry.run))];
  const summary: string[] = [];

  const context: Context = {
    fleet, runs, remembered: new Map(), drills: [], faults: undefined, releases: undefined, changedAt: started,
    async until(problem, withinMilliseconds) {
      let nextLook = 0;
      const holds = (): boolean => {
        if (observer.violation !== undefined) return true;
        if (fleet.clock.now() < nextLook) return false;
        nextLook = fleet.clock.now() + LOOK_MILLISECONDS;
        return problem() === undefined;
      };
      await fleet.clock.runUntil(holds, withinMilliseconds);
      const held = problem() === undefined;
      if (observer.violation !== undefined) throw new Error(observer.violation);
      if (!held) throw new Error(`not within ${withinMilliseconds / 1000} s: ${problem() ?? 'it did not last'}`);
    },
    async advance(milliseconds) {
      await fleet.clock.runUntil(() => observer.violation !== undefined, milliseconds);
      if (observer.violation !== undefined) throw new Error(observer.violation);
    },
  };

  for (const command of commands) {
    options.beforeCommand?.(command.heading, fleet);
    const before = fleet.trace.events.length;
    fleet.trace.add('scenario', 'scenario', command.text);
    try {
      const run = COMMANDS[command.words[0] ?? ''];
      if (run === undefined) throw new Error(`there is no command "${command.words[0]}": ${Object.keys(COMMANDS).join(', ')}`);
      if (command.words[0] !== 'expect') context.changedAt = fleet.clock.now();
      await run(context, command.words.slice(1), command.body);
      await context.advance(options.restMilliseconds ?? 0);
      observer.look();
      if (observer.violation !== undefined) throw new Error(observer.violation);
    } catch (error) {
      const lines = fleet.trace.lines();
      throw new Error(`seed ${options.seed}, line ${command.line}: ${command.text}\n${error instanceof Error ? error.message : String(error)}\nlast of ${lines.length} trace lines:\n${lines.slice(-LAST_LINES).join('\n')}`, { cause: error });
    }
    if (command.heading.length > 0) summary.push('', ...command.heading);
    const events = fleet.trace.events.slice(before).filter(options.tells ?? (() => true));
    summary.push(`> ${command.text}`, ...printed(events), ...tell(events, runs().map((run) => (text.includes(run) ? '' : run))));
  }
  return { trace: fleet.trace.lines(), summary: `${summary.join('\n').trim()}\n`, wakes: fleet.clock.wakes, virtualSeconds: (fleet.clock.now() - started) / 1000 };
}
