/** What could stand where the cursor is, from the tree of commands itself: what is not in it cannot be completed, and what is need not be listed twice. */
import type { Command, Option } from 'commander';
import { type Names, namesOfArgument, namesOfOption } from './kinds.ts';

export interface Candidate {
  readonly word: string;
  readonly says: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Names to ask for, with what stands before them in the word. */
  readonly names?: Names & object;
  readonly prefix: string;
  readonly files: boolean;
}

const NOTHING: Completion = { candidates: [], prefix: '', files: false };

const takesValue = (option: Option): boolean => option.required || option.optional;
const optionOf = (command: Command, word: string): Option | undefined => chain(command).flatMap(({ options }) => options).find(({ long, short }) => word === long || word === short);

/** The command and those above it: their options stand at any place. */
function chain(command: Command): readonly Command[] {
  return command.parent === null ? [command] : [command, ...chain(command.parent)];
}

const pathOf = (command: Command): string => chain(command).toReversed().slice(1).map((one) => one.name()).join(' ');

/** bash breaks words at `=`: `--output=json` comes as three. */
function joined(words: readonly string[]): string[] {
  const whole: string[] = [];
  for (const word of words) {
    const last = whole.at(-1);
    if (last !== undefined && last.startsWith('--') && (word === '=' || last.endsWith('='))) whole[whole.length - 1] = last + word;
    else whole.push(word);
  }
  return whole;
}

/** After the last comma. */
function named(names: Names | undefined, typed: string): Completion {
  if (names === undefined) return NOTHING;
  if (names === 'files') return { ...NOTHING, files: true };
  const at = names.many === true ? typed.lastIndexOf(',') + 1 : 0;
  return { ...NOTHING, names, prefix: typed.slice(0, at) };
}

function valueOf(command: Command, option: Option, typed: string): Completion {
  if (option.argChoices !== undefined) return { ...NOTHING, candidates: option.argChoices.map((word) => ({ word, says: '' })) };
  return named(namesOfOption(pathOf(command), option.long ?? '', /<([^>]+)>/.exec(option.flags)?.[1] ?? ''), typed);
}

function optionsOf(command: Command, given: ReadonlySet<string>): Candidate[] {
  const own = [...new Map(chain(command).flatMap(({ options }) => options).map((option) => [option.long ?? option.flags, option])).values()];
  const left = own.filter(({ long, hidden, parseArg, variadic }) => long !== undefined && !hidden && (!given.has(long) || parseArg !== undefined || variadic === true));
  return [...left.map(({ long, description }) => ({ word: long!, says: description })), { word: '--help', says: 'display help for command' }];
}

/** `words`: after the program's name; the last is the one under the cursor, maybe empty. Candidates begin with it. */
export function complete(program: Command, words: readonly string[]): Completion {
  const whole = joined(words);
  const typed = whole.at(-1) ?? '';
  let command = program;
  let place = 0;
  let wants: Option | undefined;
  const given = new Set<string>();
  let onlyArguments = false;
  for (const word of whole.slice(0, -1)) {
    if (wants !== undefined) {
      wants = undefined;
      continue;
    }
    const option = !onlyArguments && word.startsWith('-') ? optionOf(command, word.split('=')[0] ?? '') : undefined;
    if (option !== undefined) {
      given.add(option.long ?? '');
      if (takesValue(option) && !word.includes('=')) wants = option;
    } else if (word === '--') onlyArguments = true;
    else if (!word.startsWith('-')) {
      const next = place === 0 ? command.commands.find((one) => one.name() === word || one.aliases().includes(word)) : undefined;
      if (next === undefined) place += 1;
      else command = next;
    }
  }
  return startingWith(typed, candidatesOf());

  function candidatesOf(): Completion {
    if (wants !== undefined) return valueOf(command, wants, typed);
    const inWord = onlyArguments ? null : /^(--[^=]+)=(.*)$/s.exec(typed);
    if (inWord !== null) {
      const option = optionOf(command, inWord[1]!);
      const value = option === undefined || !takesValue(option) ? NOTHING : valueOf(command, option, inWord[2]!);
      // bash completes what stands after the sign.
      const head = words.at(-1)?.includes('=') === true && words.at(-1) !== '=' ? `${inWord[1]}=` : '';
      return { ...value, candidates: value.candidates.map(({ word, says }) => ({ word: head + word, says })), prefix: head + value.prefix };
    }
    if (typed.startsWith('-') && !onlyArguments) return { ...NOTHING, candidates: optionsOf(command, given) };
    const below = command.createHelp().visibleCommands(command).filter((one) => one.name() !== 'help');
    if (place === 0 && below.length > 0) return { ...NOTHING, candidates: below.map((one) => ({ word: one.name(), says: one.description() })) };
    const argument = command.registeredArguments[place] ?? command.registeredArguments.findLast(({ variadic }) => variadic);
    if (argument === undefined) return NOTHING;
    return argument.argChoices === undefined ? named(namesOfArgument(pathOf(command), argument.name()), typed) : { ...NOTHING, candidates: argument.argChoices.map((word) => ({ word, says: '' })) };
  }

  function startingWith(text: string, completion: Completion): Completion {
    const last = words.at(-1) ?? '';
    const begin = last === '=' ? '' : text === last || completion.prefix.includes('=') ? text : last;
    return { ...completion, candidates: completion.candidates.filter(({ word }) => word.startsWith(begin)) };
  }
}
