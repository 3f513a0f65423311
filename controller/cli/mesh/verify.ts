/** `isthmus mesh verify`: whether each cluster reads its peers, as their agents see it with Cilium's own files. */
import type { Command } from 'commander';
import { plural } from '../../../mesh/model/listed.ts';
import type { Colour } from '../../../mesh/model/peer-verdict.ts';
import type { Matrix, MatrixCell } from '../../../mesh/verify/matrix.ts';
import { CommandFailure, type Environment } from '../environment.ts';
import { inquire } from '../inquire.ts';
import { age, type Format, formatOption, print } from '../output/index.ts';

export interface VerifyOptions {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly fresh: boolean;
}

/** Of a matrix with more rows nobody sees anything. */
const MOST_COLUMNS = 20;
/** Longer than the hub waits for agents. */
const FRESH_SECONDS = 30;
const WATCH_MILLISECONDS = 5000;
const LETTERS: Readonly<Record<Colour, string>> = { green: 'G', yellow: 'Y', red: 'R' };
const PAINT: Readonly<Record<string, string>> = { G: '\u001B[32mG\u001B[0m', Y: '\u001B[33mY\u001B[0m', R: '\u001B[31mR\u001B[0m' };

export async function askMatrix(environment: Environment, mesh: string | undefined, { from, to, fresh }: VerifyOptions): Promise<Matrix> {
  const client = await environment.connect();
  return inquire<Matrix>(environment, client, { verify: { ...(mesh === undefined ? {} : { mesh }), ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }), fresh } }, fresh ? FRESH_SECONDS : undefined);
}

const total = ({ green, yellow, red }: Matrix['tally']): number => green + yellow + red;

export function tallyLine({ tally, clusters }: Matrix): string {
  return `${plural(clusters.length, 'cluster')}, ${plural(total(tally), 'pair')}: ${tally.green} green, ${tally.yellow} yellow, ${tally.red} red`;
}

const reasonsText = ({ reasons }: MatrixCell): string => reasons.map(({ code, text }) => `${code} (${text})`).join('; ');

/** One letter a pair; `.`: the row does not read the column. */
function grid({ clusters, cells }: Matrix, coloured: boolean): string {
  const letters = new Map(cells.map(({ from, to, colour }) => [`${from} ${to}`, LETTERS[colour]]));
  const rows = clusters.filter((from) => cells.some((cell) => cell.from === from));
  const columns = clusters.filter((to) => cells.some((cell) => cell.to === to));
  const first = Math.max('FROM \\ TO'.length, ...rows.map((name) => name.length));
  const line = (head: string, items: readonly string[]): string => `${head.padEnd(first + 3)}${items.map((item, index) => item.padEnd((columns[index] ?? '').length + 3)).join('')}`.trimEnd();
  const painted = (text: string): string => (coloured ? text.replaceAll(/(?<= )[GYR](?= |$)/g, (letter) => PAINT[letter] ?? letter) : text);
  const drawn = rows.map((from) => line(from, columns.map((to) => (from === to ? '-' : letters.get(`${from} ${to}`) ?? '.'))));
  return [line('FROM \\ TO', columns), ...drawn.map((row, index) => `${row.slice(0, (rows[index] ?? '').length)}${painted(row.slice((rows[index] ?? '').length))}`)].join('\n');
}

export function drawMatrix(matrix: Matrix, now: number, { fresh, coloured }: { readonly fresh: boolean; readonly coloured: boolean }): string {
  const wrong = matrix.cells.filter(({ colour }) => colour !== 'green').sort((a, b) => (a.colour === b.colour ? 0 : a.colour === 'red' ? -1 : 1));
  const stale = fresh ? matrix.cells.filter((cell) => !cell.fresh).length : 0;
  const letter = (colour: Colour): string => (coloured ? PAINT[LETTERS[colour]] ?? '' : LETTERS[colour]);
  return [
    ...(matrix.whole && matrix.clusters.length <= MOST_COLUMNS && matrix.cells.length > 0 ? [grid(matrix, coloured), ''] : []),
    `${tallyLine(matrix)}${stale === 0 ? '' : `; ${plural(stale, 'pair')} could not be looked at now and ${stale === 1 ? 'is' : 'are'} as last seen`}`,
    ...(wrong.length === 0 ? [] : ['', ...wrong.map((cell) => `${letter(cell.colour)}  ${cell.from} -> ${cell.to}${cell.since === null ? '' : `, for ${age(cell.since, now)}`}: ${reasonsText(cell)}`)]),
    ...(matrix.omitted === 0 ? [] : [`and ${matrix.omitted} more: narrow it with --from and --to`]),
    '',
  ].join('\n');
}

/** Scripts ask by the exit status. */
export function endOf({ tally }: Matrix): void {
  if (tally.red > 0) throw new CommandFailure(`${plural(tally.red, 'pair')} of ${total(tally)} ${tally.red === 1 ? 'is' : 'are'} red; "isthmus doctor" says what to do about each`);
}

function printMatrix(environment: Environment, matrix: Matrix, format: Format): void {
  const now = environment.now();
  const row = (cell: MatrixCell): string[] => [cell.from, cell.to, cell.colour, age(cell.since ?? undefined, now)];
  const figure = ({ figures }: MatrixCell, name: string): string => (figures[name] === undefined ? '' : String(figures[name]));
  const days = ({ figures }: MatrixCell, name: string): string => (figures[name] === undefined ? '' : `${Math.floor(figures[name] / 86_400)}d`);
  print(environment, format, {
    headings: ['FROM', 'TO', 'STATE', 'SINCE', 'REASONS'],
    rows: matrix.cells.map((cell) => [...row(cell), reasonsText(cell)]),
    wide: {
      headings: ['FROM', 'TO', 'STATE', 'SINCE', 'LOOKED', 'TOOK-MS', 'HEARTBEAT-S', 'NODES', 'SERVICES', 'IDENTITIES', 'ENDPOINTS', 'EXPORTS', 'SERVER-CERT', 'CLIENT-CERT', 'REASONS'],
      rows: matrix.cells.map((cell) => [
        ...row(cell), age(cell.at ?? undefined, now), ...['tookMilliseconds', 'heartbeatAgeSeconds', 'nodes', 'services', 'identities', 'endpoints', 'exports'].map((name) => figure(cell, name)),
        days(cell, 'serverCertificateSeconds'), days(cell, 'clientCertificateSeconds'), reasonsText(cell),
      ]),
    },
    value: matrix, names: matrix.cells.map(({ from, to }) => `${from}/${to}`), empty: NOTHING,
  });
}

const NOTHING = 'No cluster reads another one: no mesh is rolled out, or no agent has said what it sees yet.';

export async function verifyMesh(environment: Environment, mesh: string | undefined, options: VerifyOptions & { readonly output: Format; readonly watch: boolean }): Promise<void> {
  const coloured = environment.terminal.interactive;
  for (let last = ''; ;) {
    const matrix = await askMatrix(environment, mesh, options);
    if (options.output !== 'table') printMatrix(environment, matrix, options.output);
    else if (total(matrix.tally) === 0) environment.err(`${NOTHING}\n`);
    else {
      const text = drawMatrix(matrix, environment.now(), { fresh: options.fresh, coloured });
      if (text !== last) environment.out(options.watch && coloured ? `\u001B[2J\u001B[H${text}` : `${last === '' ? '' : '\n'}${text}`);
      last = text;
    }
    if (!options.watch || environment.signal.aborted) return endOf(matrix);
    await environment.sleep(WATCH_MILLISECONDS);
  }
}

export function registerVerify(mesh: Command, environment: (command: Command) => Environment): void {
  mesh.command('verify')
    .description('show whether each cluster reads its peers, as agents see it with Cilium\'s own files; the exit status is 0 where no pair is red')
    .argument('[mesh]', 'of this mesh alone')
    .option('--from <cluster>', 'what this cluster sees')
    .option('--to <cluster>', 'how this cluster is seen')
    .option('--fresh', 'have the agents look now, rather than say what they saw last', false)
    .option('-w, --watch', 'go on until interrupted', false)
    .addOption(formatOption())
    .action(async (name: string | undefined, options: VerifyOptions & { output: Format; watch: boolean }, command: Command) => verifyMesh(environment(command), name, options));
}
