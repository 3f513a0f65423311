/** `isthmus bundle`: versioned content for clusters: its digest, its signatures, and what there is of it. */
import type { Command } from 'commander';
import type { Environment } from '../environment.ts';
import { type Format, formatOption } from '../output/index.ts';
import { listBundles } from './list.ts';
import { printDigest, printPayload, signFile, verifyFile } from './sign.ts';

const FILE = ['-f, --file <path>', 'the Bundle, in YAML or JSON; "-": from standard input'] as const;

export function register(program: Command, environment: (command: Command) => Environment): void {
  const bundle = program.command('bundle').description('bundles: versioned content that runs bring to clusters');
  bundle.command('list').description('list Bundles: which may be brought, by whom they are signed (in brackets: signatures that do not count)')
    .option('--package <name>', 'of this package alone').addOption(formatOption())
    .action(async (options: { package?: string; output: Format }, command: Command) => listBundles(environment(command), options.output, options.package));
  bundle.command('digest').description('print the digest of a Bundle\'s content, its name everywhere')
    .requiredOption(...FILE)
    .action(({ file }: { file: string }, command: Command) => { printDigest(environment(command), file); });
  bundle.command('payload').description('print the bytes that a signer signs (DSSE), for keys that are kept elsewhere')
    .requiredOption(...FILE)
    .action(({ file }: { file: string }, command: Command) => { printPayload(environment(command), file); });
  bundle.command('sign').description('write a signature into the file')
    .requiredOption('-f, --file <path>', 'the Bundle, in YAML or JSON')
    .option('--key <path>', 'private key: Ed25519 or ECDSA P-256, PEM without a passphrase')
    .option('--keyid <name>', 'as in the file of pinned keys (default: the key\'s SHA-256)')
    .option('--sig <base64>', 'instead of --key: a signature of the payload that was made elsewhere')
    .action(({ file, ...options }: { file: string; key?: string; keyid?: string; sig?: string }, command: Command) => { signFile(environment(command), file, options); });
  bundle.command('verify').description('say whether enough pinned keys have signed, as hub and agents do')
    .requiredOption(...FILE)
    .requiredOption('--keys <path>', 'the file of pinned keys, as hub and agents have it in --bundle-keys')
    .action(({ file, keys }: { file: string; keys: string }, command: Command) => { verifyFile(environment(command), file, keys); });
}
