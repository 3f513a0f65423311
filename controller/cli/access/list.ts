/** `isthmus access list`: access policies in words, and how far each is in force. */
import type { Command } from 'commander';
import type { AccessPolicyObject } from '../../../mesh/api/resources/access-policy.ts';
import { AccessPolicy } from '../../../mesh/api/resources/index.ts';
import { accessPortName } from '../../../mesh/model/access.ts';
import { listed } from '../../../mesh/model/listed.ts';
import { serviceKey } from '../../../mesh/model/service.ts';
import type { Environment } from '../environment.ts';
import { listAll } from '../list.ts';
import { type Format, formatOption, print } from '../output/index.ts';

const NAMED = 3;
const any = (names: readonly string[] | undefined, what: string): string => (names === undefined ? `any ${what}` : listed(names, NAMED));

function clustersText(selector: object | undefined): string {
  if (selector === undefined || Object.keys(selector).length === 0) return 'any cluster';
  const { names, ...rest } = selector as { readonly names?: readonly string[] };
  return names !== undefined && Object.keys(rest).length === 0 ? listed(names, NAMED) : JSON.stringify(selector);
}

const fromText = ({ from }: AccessPolicyObject['spec']): string => from.map(({ clusters, namespaces, serviceAccounts }) =>
  `${any(namespaces, 'namespace')}${serviceAccounts === undefined ? '' : ` as ${listed(serviceAccounts, NAMED)}`} of ${clustersText(clusters)}`).join('; ');
const toText = ({ to: { service, namespaces = [], clusters, ports } }: AccessPolicyObject['spec']): string =>
  `${service === undefined ? `namespace ${listed(namespaces, NAMED)}` : serviceKey(service)}${ports === undefined ? '' : ` (${ports.map(accessPortName).join(', ')})`} in ${clustersText(clusters)}`;

export async function listAccess(environment: Environment, { output }: { readonly output: Format }): Promise<void> {
  const policies = await listAll<AccessPolicyObject>(await environment.connect(), AccessPolicy, environment.signal);
  print(environment, output, {
    headings: ['NAME', 'MODE', 'FROM', 'TO', 'IN FORCE', 'STATE'],
    rows: policies.map(({ metadata, spec, status }) => {
      const wrong = (status?.conditions ?? []).find((condition) => condition.status !== 'True');
      return [metadata.name, spec.mode, fromText(spec), toText(spec), `${status?.inForceCount ?? 0} of ${status?.clusterCount ?? 0}`, status === undefined ? 'not looked at yet' : wrong === undefined ? 'in force' : `${wrong.reason}: ${wrong.message}`];
    }),
    value: policies, names: policies.map(({ metadata }) => metadata.name), empty: 'there are no access policies: what is reachable is reachable for all',
  });
}

export function registerList(access: Command, environment: (command: Command) => Environment): void {
  access.command('list').description('list access policies: who may reach what, and where that is in force')
    .addOption(formatOption())
    .action(async (options: { output: Format }, command: Command) => listAccess(environment(command), options));
}
