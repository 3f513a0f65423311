/** `isthmus doctor`: each thing that is wrong between clusters as a sentence, with its evidence and the way out. */
import type { Command } from 'commander';
import type { Colour } from '../../../mesh/model/peer-verdict.ts';
import type { Matrix } from '../../../mesh/verify/matrix.ts';
import { named, reasonOf } from '../../../mesh/verify/reasons.ts';
import type { Environment } from '../environment.ts';
import { askMatrix, endOf, tallyLine } from '../mesh/verify.ts';
import { type Format, formatOption, print } from '../output/index.ts';
import { listed } from '../../../mesh/model/listed.ts';

interface Diagnosis {
  readonly colour: Colour;
  readonly code: string;
  /** All that have it in the same way. */
  readonly from: readonly string[];
  readonly to: string;
  readonly means: string;
  /** As the first of them saw it. */
  readonly evidence: string;
  readonly wayOut: string;
}

const MOST_NAMED = 5;

/** Many readers of one peer mostly have one cause: they are told once. Reds first. */
export function diagnose({ cells }: Pick<Matrix, 'cells'>): readonly Diagnosis[] {
  const found = new Map<string, { readonly code: string; readonly text: string; readonly to: string; readonly from: string[] }>();
  for (const { from, to, reasons } of cells) {
    for (const { code, text } of reasons) {
      const key = `${code} ${to}`;
      const entry = found.get(key) ?? { code, text, to, from: [] };
      entry.from.push(from);
      found.set(key, entry);
    }
  }
  const diagnoses = [...found.values()].map(({ code, text, to, from }): Diagnosis => {
    const reason = reasonOf(code);
    const readers = listed(from, MOST_NAMED);
    return {
      colour: reason?.colour ?? 'yellow', code, from, to, evidence: text,
      means: named(reason?.means ?? 'READER\'s agent is of a newer version than this command, and says of PEER what stands below.', readers, to),
      wayOut: named(reason?.wayOut ?? 'Use the "isthmus" of that version.', readers, to),
    };
  });
  return diagnoses.sort((a, b) => Number(b.colour === 'red') - Number(a.colour === 'red'));
}

const text = ({ colour, code, from, to, means, evidence, wayOut }: Diagnosis): string =>
  `${colour.toUpperCase()} ${from.length === 1 ? from[0] : `${from.length} clusters`} -> ${to}: ${code}\n  ${means}\n  Seen: ${evidence}\n  Way out: ${wayOut}\n`;

export async function doctor(environment: Environment, mesh: string | undefined, { output, ...asked }: { readonly from?: string | undefined; readonly to?: string | undefined; readonly fresh: boolean; readonly output: Format }): Promise<void> {
  const matrix = await askMatrix(environment, mesh, asked);
  const diagnoses = diagnose(matrix);
  if (output === 'table') environment.out([...diagnoses.map(text), `${tallyLine(matrix)}${matrix.omitted === 0 ? '' : `; ${matrix.omitted} that are not green are left out`}\n`].join('\n'));
  else {
    print(environment, output, {
      headings: ['STATE', 'CODE', 'FROM', 'TO', 'MEANS', 'SEEN', 'WAY-OUT'], rows: diagnoses.map(({ colour, code, from, to, means, evidence, wayOut }) => [colour, code, from.join(','), to, means, evidence, wayOut]),
      value: { tally: matrix.tally, omitted: matrix.omitted, diagnoses }, names: diagnoses.map(({ code, to }) => `${to}/${code}`), empty: tallyLine(matrix),
    });
  }
  endOf(matrix);
}

export function register(program: Command, environment: (command: Command) => Environment): void {
  program.command('doctor')
    .description('what is wrong between clusters: each finding as a sentence, what was seen, and the way out')
    .argument('[mesh]', 'of this mesh alone')
    .option('--from <cluster>', 'what this cluster sees')
    .option('--to <cluster>', 'how this cluster is seen')
    .option('--fresh', 'have the agents look now, rather than say what they saw last', false)
    .addOption(formatOption())
    .action(async (mesh: string | undefined, options: { from?: string; to?: string; fresh: boolean; output: Format }, command: Command) => doctor(environment(command), mesh, options));
}
