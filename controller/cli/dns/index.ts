/** `isthmus dns explain`: why a cluster's DNS answers what it answers, asked of that cluster's agent. */
import type { Command } from 'commander';
import type { DnsAnswer } from '../../../mesh/api/resources/inquiry-answers.ts';
import type { Environment } from '../environment.ts';
import { inquire } from '../inquire.ts';
import { type Format, formatOption, print } from '../output/index.ts';

export async function explainName(environment: Environment, name: string, options: { readonly from: string; readonly type: string; readonly output: Format }): Promise<void> {
  const client = await environment.connect();
  const answer = await inquire<DnsAnswer>(environment, client, { dns: { name: name.replace(/\.$/, ''), type: options.type.toUpperCase(), from: options.from } });
  if (options.output !== 'table') {
    print(environment, options.output, { headings: [], rows: [], value: answer, names: answer.records, empty: '' });
    return;
  }
  for (const line of answer.lines) environment.out(`${line}\n`);
}

export function register(program: Command, environment: (command: Command) => Environment): void {
  program.command('dns').description('what the agents\' DNS answers, and why').command('explain')
    .description('say what a cluster answers for a name, and why')
    .argument('<name>', 'for example checkout.shop.svc.clusterset.local')
    .requiredOption('--from <cluster>', 'the cluster whose agent is asked')
    .option('-t, --type <type>', 'A, AAAA, SRV, TXT', 'A')
    .addOption(formatOption())
    .action(async (name: string, options: { from: string; type: string; output: Format }, command: Command) => explainName(environment(command), name, options));
}
