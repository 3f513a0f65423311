/** `isthmus embedded`. */
import type { Command } from 'commander';
import type { LogLevel } from '../../adapters/log.ts';
import type { Environment } from '../environment.ts';
import { collect, logLevelOption } from '../options.ts';

interface EmbeddedFlags {
  readonly listen: string;
  readonly dataDir?: string;
  readonly serviceCidr: readonly string[];
  readonly namespace: readonly string[];
  readonly writeKubeconfig?: string;
  readonly clientCaFile?: string;
  readonly logLevel: LogLevel;
}

const DEFAULT_SERVICE_CIDR = '10.96.0.0/16';

export function register(program: Command, environment: (command: Command) => Environment): void {
  program.command('embedded')
    .description('run an embedded Kubernetes-style API with the kinds of a member cluster')
    .option('--listen <host:port>', 'where the API is served over TLS', '127.0.0.1:6443')
    .option('--data-dir <path>', 'keep objects here; nothing: in memory only')
    .option('--service-cidr <cidr>', 'addresses of Services, one range per family, repeatable', collect, [])
    .option('--namespace <name>', 'a namespace to make at the start, repeatable', collect, [])
    .option('--write-kubeconfig <path>', 'write an administrator\'s kubeconfig here')
    .option('--client-ca-file <path>', 'believe client certificates that these authorities (PEM) signed: the common name is the user, each organization a group; stored Roles say what they may')
    .addOption(logLevelOption())
    .action(async (flags: EmbeddedFlags, command: Command) => {
      const [{ runEmbedded }, { MEMBER_RESOURCES }, { parseListen }, { createLog }] = await Promise.all([
        import('../../embedded/main.ts'), import('../../../mesh/api/resources/index.ts'), import('../../adapters/listen.ts'), import('../../adapters/log.ts'),
      ]);
      const { closed } = await runEmbedded({
        ...parseListen(flags.listen),
        dataDir: flags.dataDir,
        definitions: MEMBER_RESOURCES,
        namespaces: flags.namespace,
        serviceCidrs: flags.serviceCidr.length === 0 ? [DEFAULT_SERVICE_CIDR] : flags.serviceCidr,
        writeKubeconfig: flags.writeKubeconfig,
        clientCaFile: flags.clientCaFile,
        log: createLog(flags.logLevel, 'embedded'),
      }, environment(command).signal);
      await closed;
    });
}
