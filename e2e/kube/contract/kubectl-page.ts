/** The transcript as a page for people. */
import type { Outcome, Section, See, Step } from './kubectl-step.ts';

export interface Taken {
  readonly step: Step | See;
  /** The embedded API's; undefined: a step beside has begun. */
  readonly outcome: Outcome | undefined;
  /** kube-apiserver's, where it was asked. */
  readonly real?: Outcome | undefined;
}
export interface TakenSection { readonly section: Section; readonly taken: readonly Taken[] }

const fence = (language: string, text: string): string => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\`\n\n`;

/** Standard output, standard error, and the exit code where it is not 0. */
export const printed = ({ stdout, stderr, code, problem }: Outcome): string =>
  [stdout, stderr].filter((text) => text !== '').map((text) => (text.endsWith('\n') ? text : `${text}\n`)).join('')
  + (code === undefined || code === 0 ? '' : `[exit code ${code}]\n`) + (problem === undefined ? '' : `[${problem}]\n`);

const shown = (outcome: Outcome | undefined): string => (outcome === undefined ? '' : printed(outcome));
const languageOf = (name: string): string => (name.endsWith('.sh') ? 'sh' : name.endsWith('.json') ? 'json' : name.endsWith('.yaml') ? 'yaml' : 'text');
const isAside = (step: Step | See): boolean => 'run' in step && step.aside === true;

function commandLine(step: Step | See, steps: readonly (Step | See)[]): string {
  if ('run' in step) return step.beside === undefined ? step.run : `${step.run} &`;
  const begun = steps.find((other): other is Step => 'run' in other && other.beside?.name === step.see);
  return `fg  # ${begun?.run ?? step.see}`;
}

/** Commands that follow each other without a word between them share a block. */
function sectionText({ section, taken }: TakenSection): string {
  const parts = [`## ${section.title}\n\n${section.says}\n\n`];
  let commands: string[] = [];
  const flush = (): void => {
    if (commands.length > 0) parts.push(fence('console', commands.join('\n')));
    commands = [];
  };
  for (const { step, outcome } of taken) {
    if (isAside(step)) continue;
    const files = 'run' in step ? Object.entries(step.files ?? {}) : [];
    if (step.says !== undefined || files.length > 0) flush();
    if (step.says !== undefined) parts.push(`${step.says}\n\n`);
    for (const [name, text] of files) parts.push(`\`${name}\`:\n\n${fence(languageOf(name), text)}`);
    commands.push(`$ ${commandLine(step, section.steps)}\n${shown(outcome)}`);
  }
  flush();
  return parts.join('');
}

const differenceText = ({ step, outcome, real }: Taken): string => ('run' in step ? `$ ${step.run}\n# embedded API\n${shown(outcome)}# kube-apiserver\n${shown(real)}` : '');

/** All of the page but its last section, which needs both servers. */
export function transcript(sections: readonly TakenSection[], version: string): string {
  const steps = sections.flatMap(({ section }) => section.steps);
  return `# kubectl on both servers

<!-- Written by the test e2e/kube/contract/kubectl.test.ts (REWRITE=1). -->

Each command ran by kubectl ${version} against the embedded API and against kube-apiserver 1.36 with its controller manager. Outputs, errors and exit codes were the same,
except where the last section says why not; what is shown here is the embedded API's. So were those of ${steps.filter(isAside).length} more commands that are too long for this page.
Ages, times, identities, versions and addresses are replaced by made-up ones. \`&\` puts a command beside the next ones, \`fg\` shows what it has printed.

${sections.map(sectionText).join('')}`;
}

export const DIFFERENCES_TITLE = '## Where the two servers differ and why';

export function differences(sections: readonly TakenSection[]): string {
  const differing = sections.flatMap(({ taken }) => taken).filter(({ step }) => 'run' in step && step.differs !== undefined);
  const reasons = [...new Set(differing.map(({ step }) => ('run' in step ? step.differs ?? '' : '')))];
  const texts = reasons.map((reason) => `${reason}\n\n${fence('console', differing.filter(({ step }) => 'run' in step && step.differs === reason).map(differenceText).join('\n'))}`);
  return `${DIFFERENCES_TITLE}\n\n${texts.join('')}`.trimEnd() + '\n';
}
