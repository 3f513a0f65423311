/** `isthmus identity root request|install`: the hub's side of an offline root. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { certificatesOf } from '../../../certs/index.ts';
import { type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../../mesh/api/resources/authority.ts';
import { CertificateAuthority } from '../../../mesh/api/resources/index.ts';
import { CommandFailure, type Environment, UsageProblem } from '../environment.ts';
import { FIELD_MANAGER } from '../field-manager.ts';
import { authorityOf } from './rotate.ts';

const POLL_MILLISECONDS = 500;
const LONGEST_WAIT_MILLISECONDS = 30_000;
/** As the schema has it. */
const MOST_CERTIFICATES = 8;

export function registerRootOfHub(root: Command, environment: (command: Command) => Environment): void {
  root.command('request').description('write the request of the hub\'s next issuing CA, for "root sign"')
    .option('--out <path>', 'file for the request; nothing: standard output')
    .action((options: { readonly out?: string }, command: Command) => request(environment(command), options.out));
  root.command('install').description('give the hub the certificate that the root has signed')
    .argument('<path>', 'the certificate, PEM; authorities between it and the root may follow')
    .action((path: string, _: unknown, command: Command) => install(environment(command), path));
}

async function request(environment: Environment, out: string | undefined): Promise<void> {
  const { status } = await authorityOf(environment, await environment.connect());
  const open = status?.request;
  if (open === undefined) throw new CommandFailure('the hub asks for no signature now');
  if (out === undefined) environment.out(open.requestPem);
  else {
    try {
      writeFileSync(out, open.requestPem);
    } catch (error) {
      throw new CommandFailure(`--out ${out}: cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
    }
    environment.out(`${out}\n`);
  }
  const root = status?.roots?.find(({ generation }) => generation === open.root);
  environment.err(`for root ${open.root} (${root?.subject ?? 'unknown'}), asked since ${open.since}\nsign it where the root's key is: isthmus identity root sign --key root.key.pem --request ${out ?? 'FILE'} --out issuing.crt.pem${open.hosts.map((host) => ` --permit ${host}`).join('')}\n`);
}

async function install(environment: Environment, path: string): Promise<void> {
  const text = readCertificates(path);
  const client = await environment.connect();
  const { spec, status } = await authorityOf(environment, client);
  if (status?.request === undefined) throw new CommandFailure('the hub asks for no signature now');
  const { requestPem } = status.request;
  const issuingCertificates = [...(spec?.issuingCertificates ?? []).filter((other) => other !== text), text].slice(-MOST_CERTIFICATES);
  const written = await client.patch<CertificateAuthorityObject>(CertificateAuthority, { name: FLEET_AUTHORITY }, { spec: { issuingCertificates } }, { type: 'merge', fieldManager: FIELD_MANAGER }, environment.signal);
  const { generation = 0 } = written.metadata;
  for (const giveUpAt = environment.now() + LONGEST_WAIT_MILLISECONDS; !environment.signal.aborted && environment.now() < giveUpAt;) {
    const { status: now } = await authorityOf(environment, client);
    if (now?.request?.requestPem !== requestPem) {
      environment.out('installed\n');
      return;
    }
    const refused = now.conditions?.find(({ type, status: value }) => type === 'Accepted' && value === 'False');
    if ((now.observedGeneration ?? 0) >= generation && refused !== undefined) throw new CommandFailure(refused.message);
    await environment.sleep(POLL_MILLISECONDS);
  }
  throw new CommandFailure('the hub has not taken it within 30 s; "isthmus identity show" shows what it does with it');
}

function readCertificates(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageProblem(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  // Nothing else of the file goes to the hub: it may hold a key.
  const certificates = certificatesOf(text).join('');
  if (certificates === '') throw new UsageProblem(`${path}: holds no CERTIFICATE block`);
  return certificates;
}
