/** The command line in a simulation: what people type, against the hub's API, in virtual time. */
import { Command, CommanderError } from 'commander';
import { type Environment, EXIT, UsageProblem } from '../../controller/cli/environment.ts';
import * as access from '../../controller/cli/access/index.ts';
import * as doctor from '../../controller/cli/doctor/index.ts';
import * as drift from '../../controller/cli/drift/index.ts';
import * as fleetCommands from '../../controller/cli/fleet/index.ts';
import { registerRevoke } from '../../controller/cli/identity/revoke.ts';
import { registerRotate } from '../../controller/cli/identity/rotate.ts';
import { registerShow } from '../../controller/cli/identity/show.ts';
import * as mesh from '../../controller/cli/mesh/mesh.ts';
import * as run from '../../controller/cli/run/index.ts';
import * as window from '../../controller/cli/window/index.ts';
import type { Context } from './context.ts';
import { never, PERSON } from './fleet.ts';

const COMMANDS = { access, doctor, drift, fleet: fleetCommands, identity: { register: identity }, mesh, run, window } as const;
const LONGEST_SECONDS = 600;

/** What of `isthmus identity` speaks to the hub. */
function identity(program: Command, environment: (command: Command) => Environment): void {
  const command = program.command('identity');
  registerRevoke(command, environment);
  registerRotate(command, environment);
  registerShow(command, environment);
}

/** Words as a shell reads them; quotes keep together what stands in them. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single: string | undefined, double: string | undefined) => single ?? double ?? ''));
}

/** Times, ages and content ids are not told, so that a change of pace or of an unrelated field alone changes no golden. */
const steady = (text: string): string => text
  .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
  .replaceAll(/\+\d+\.\ds\b/g, '+<age>')
  .replaceAll(/(?<=, for )\d\w+(?=:)/g, '<age>')
  .replaceAll(/\b(?:\d+h\d+m|\d+[smhd])(?= (?:old|ago|at)\b|\s*$|\s{3})/gm, '<age>')
  .replaceAll(/\b[0-9A-F]{32}\b/g, '<serial>')
  .replaceAll(/\b[0-9a-f]{64}\b|\b(?=[0-9a-f]*\d)[0-9a-f]{10}\b/g, '<id>')
  .replaceAll(/(?<=\S) {3,}/g, '   ');

/** What it printed, to standard output first, then to standard error, and how it ended where that was not well. */
export async function runCommandLine({ fleet, until }: Pick<Context, 'fleet' | 'until'>, text: string, who?: { readonly user: string; readonly groups: readonly string[] }): Promise<string> {
  const [first = '', ...rest] = wordsOf(text);
  if (!(first in COMMANDS)) throw new Error(`there is no command "isthmus ${first}" here: ${Object.keys(COMMANDS).join(', ')}`);
  let [out, err] = ['', ''];
  const environment: Environment = {
    out: (printed) => { out += printed; }, err: (printed) => { err += printed; },
    signal: never, terminal: { interactive: false }, connect: () => Promise.resolve(who === undefined ? fleet.hub.kubernetes : fleet.as(who.user, who.groups)), now: () => fleet.clock.now(),
    sleep: (milliseconds) => fleet.clock.sleepUntil(fleet.clock.now() + milliseconds, never), user: who?.user ?? PERSON,
  };
  const program = new Command('isthmus').exitOverride().configureOutput({ writeOut: environment.out, writeErr: environment.err });
  COMMANDS[first as keyof typeof COMMANDS].register(program, () => environment);
  let ended = false;
  const ending = program.parseAsync([first, ...rest], { from: 'user' })
    .catch((error: unknown) => {
      const code = error instanceof CommanderError || error instanceof UsageProblem ? EXIT.usage : EXIT.failed;
      err += `${error instanceof CommanderError ? '' : `isthmus: ${error instanceof Error ? error.message : String(error)}\n`}(exit ${code})\n`;
    })
    .finally(() => { ended = true; });
  await until(() => (ended ? undefined : `"isthmus ${text}" has not ended`), LONGEST_SECONDS * 1000);
  await ending;
  return steady(out + err);
}
