/** `isthmus completion`: what a shell needs to complete what is typed. */
import { Argument, Command } from 'commander';
import { COMMANDS, COMPLETION_SUMMARY, newProgram } from '../commands.ts';
import type { Environment } from '../environment.ts';
import { type Candidate, complete } from './complete.ts';
import { SCRIPTS, SHELLS } from './scripts.ts';

/** Who waits for a name to appear types it sooner. */
const PATIENCE_MILLISECONDS = 1500;
const MOST_NAMES = 500;
const LONGEST_MEANING = 80;

/** Only what was typed is loaded. */
async function programFor(words: readonly string[], environment: (command: Command) => Environment): Promise<Command> {
  const program = newProgram();
  for (const [name, summary, load] of COMMANDS) {
    if (words.slice(0, -1).includes(name)) (await load()).register(program, environment);
    else program.command(name).description(summary);
  }
  register(program, environment);
  return program;
}

/** The kubeconfig that stands in the words is the one that names are asked by. */
function globalsOf(words: readonly string[]): Command {
  const globals = new Command();
  for (const option of ['kubeconfig', 'context']) {
    const at = words.findIndex((word) => word === `--${option}` || word.startsWith(`--${option}=`));
    const value = at < 0 ? undefined : words[at]!.includes('=') ? words[at]!.slice(words[at]!.indexOf('=') + 1) : words[at + 1] === '=' ? words[at + 2] : words[at + 1];
    if (value !== undefined && value !== '') globals.setOptionValue(option, value);
  }
  return globals;
}

export async function completeWords(words: readonly string[], environment: (command: Command) => Environment): Promise<string> {
  const program = await programFor(words, environment);
  const { candidates, names, prefix, files } = complete(program, words);
  if (files) return ':files\n';
  const lines: Candidate[] = [...candidates];
  if (names !== undefined) {
    const typed = words.at(-1) ?? '';
    try {
      const { connect, signal } = environment(globalsOf(words.slice(0, -1)));
      const client = await connect();
      const { items } = await client.list(names.kind, { limit: MOST_NAMES }, AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MILLISECONDS)]));
      const taken = new Set(prefix.split(/[=,]/));
      lines.push(...items.map(({ metadata: { name } }) => name).filter((name) => !taken.has(name)).map((name) => ({ word: `${prefix}${name}`, says: '' })).filter(({ word }) => word.startsWith(typed === '=' ? '' : typed)));
    } catch {
      // Nobody who presses Tab wants to read why there are no names.
    }
  }
  return lines.map(({ word, says }) => `${word}${says === '' ? '' : `\t${says.replaceAll(/\s+/g, ' ').slice(0, LONGEST_MEANING)}`}\n`).join('');
}

export function register(program: Command, environment: (command: Command) => Environment): void {
  const completion = program.command('completion').description(COMPLETION_SUMMARY)
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: (typeof SHELLS)[number], _options: object, command: Command) => { environment(command).out(SCRIPTS[shell]); });
  completion.command('words', { hidden: true }).argument('[words...]').allowUnknownOption()
    .action(async (words: readonly string[], _options: object, command: Command) => { environment(command).out(await completeWords(words.length === 0 ? [''] : words, environment)); });
}
