/** The embedded API as a process of its own: `isthmus embedded`. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { ResourceDefinition } from '../../mesh/api/resources/define.ts';
import { systemClock } from '../adapters/clock.ts';
import { openSqliteObjects } from '../adapters/objects/sqlite.ts';
import { systemRandom } from '../adapters/random.ts';
import { selfSignedServer } from '../adapters/self-signed.ts';
import { p256Signer } from '../adapters/signer.ts';
import { fileSnapshots } from '../adapters/snapshot.ts';
import type { CancelSignal } from '../../mesh/ports/cancel.ts';
import type { Log } from '../../mesh/ports/log.ts';
import { cancelWithin } from '../runtime/cancel.ts';
import { AdvisedError } from '../runtime/errors.ts';
import { createEmbeddedApi, type EmbeddedApi } from './api.ts';
import { MASTERS } from './rbac/authority.ts';
import type { TokenGrant } from './server/access.ts';
import type { RequestRecord } from './server/handle.ts';
import { serveEmbedded } from './server/serve.ts';
import { memoryObjectStore } from './store.ts';
import { watchStore } from './store-health.ts';

export interface EmbeddedOptions {
  /** Where objects and the server's certificate are kept; undefined: all is lost with the process. */
  readonly dataDir?: string | undefined;
  /** Objects in memory only, even where there is a `dataDir`. */
  readonly memory?: boolean;
  /** An address of this machine; its certificate names it. */
  readonly host?: string;
  /** 0: any free port. */
  readonly port: number;
  readonly definitions: readonly ResourceDefinition[];
  readonly namespaces: readonly string[];
  readonly serviceCidrs: readonly string[];
  /** File that gets the administrator's kubeconfig (mode 0600). */
  readonly writeKubeconfig?: string | undefined;
  /** Name of cluster and context in the kubeconfig. */
  readonly name?: string;
  /** Authorities of callers' certificates, PEM. */
  readonly clientCaPem?: string;
  /** The same in a file; read at start. */
  readonly clientCaFile?: string | undefined;
  /** Callers beside the administrator, whose token is made here. */
  readonly tokens?: readonly TokenGrant[];
  readonly log: Log;
  readonly record?: (entry: RequestRecord) => void;
}

const identitySchema = z.object({ caPem: z.string(), certPem: z.string(), keyPem: z.string(), token: z.string(), host: z.string(), notAfter: z.number() });
const DAY_MILLISECONDS = 86_400_000;

/** Serves until `signal` aborts; `closed` resolves once everything is let go of. `problem`: why objects cannot be written, in a sentence. */
export async function runEmbedded(options: EmbeddedOptions, signal: CancelSignal): Promise<{ readonly url: string; readonly kubeconfig: string; readonly api: EmbeddedApi; readonly problem: () => string | undefined; readonly closed: Promise<void> }> {
  const { dataDir, log } = options;
  const { objects, problem } = watchStore(dataDir === undefined || options.memory === true ? memoryObjectStore() : openSqliteObjects(join(dataDir, 'objects.sqlite')), { clock: systemClock, log });
  const serving = cancelWithin(signal);
  try {
    const host = options.host ?? '127.0.0.1';
    const clientCaPem = options.clientCaPem ?? (options.clientCaFile === undefined ? undefined : readAuthorities(options.clientCaFile));
    const identity = await serverIdentity(dataDir, host, log);
    const api = createEmbeddedApi({ objects, clock: systemClock, random: systemRandom, definitions: options.definitions, namespaces: options.namespaces, serviceCidrs: options.serviceCidrs });
    const served = await serveEmbedded(api, {
      host, port: options.port, caPem: identity.caPem, certPem: identity.certPem, keyPem: identity.keyPem, clock: systemClock, log,
      // Everything by the group, nothing by the name: a certificate may name anybody.
      tokens: [{ token: identity.token, user: 'admin', uid: 'admin', groups: [MASTERS], rules: [] }, ...options.tokens ?? []],
      ...(clientCaPem === undefined ? {} : { clientCaPem }),
      ...(options.name === undefined ? {} : { name: options.name }), ...(options.record === undefined ? {} : { record: options.record }),
    }, serving.signal);
    if (options.writeKubeconfig !== undefined) await writeKubeconfig(options.writeKubeconfig, served.kubeconfig, log);
    log.info({ url: served.url }, 'embedded API serves');
    const closed = served.closed.then(() => api.close());
    return { url: served.url, kubeconfig: served.kubeconfig, api, problem, closed };
  } catch (error) {
    serving.abort();
    objects.close();
    throw error;
  }
}

/** Throws for a file that holds no readable certificate, so that nobody believes that callers are checked. */
function readAuthorities(path: string): string {
  const refuse = (why: string): AdvisedError => new AdvisedError('user', `--client-ca-file ${path}: ${why}; give a PEM file with the certificates of the authorities`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw refuse(`cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw refuse('holds no certificate');
  for (const pem of found) {
    try {
      if (!new X509Certificate(pem).ca) throw refuse('holds a certificate that is no authority\'s');
    } catch (error) {
      throw error instanceof AdvisedError ? error : refuse('holds a certificate that cannot be read');
    }
  }
  return found.join('\n');
}

async function writeKubeconfig(path: string, text: string, log: Log): Promise<void> {
  try {
    await fileSnapshots(path, log).save(text);
  } catch (error) {
    throw new AdvisedError('user', `--write-kubeconfig ${path}: cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)}); give a path in a folder that this user may write`);
  }
}

/** Kept in the data folder, so that a kubeconfig outlives a restart; made anew for another host or shortly before it expires. */
async function serverIdentity(dataDir: string | undefined, host: string, log: Log): Promise<z.infer<typeof identitySchema>> {
  const file = dataDir === undefined ? undefined : fileSnapshots(join(dataDir, 'server.json'), log);
  const kept = identityOf(await file?.load());
  const now = systemClock.now();
  if (kept !== undefined && kept.host === host && kept.notAfter - now > 30 * DAY_MILLISECONDS) return kept;
  const made = {
    ...selfSignedServer({ now, signer: p256Signer, random: systemRandom, hosts: [host] }),
    token: Buffer.from(systemRandom.bytes(32)).toString('base64url'), host, notAfter: now + 365 * DAY_MILLISECONDS,
  };
  await file?.save(JSON.stringify(made));
  return made;
}

function identityOf(text: string | undefined): z.infer<typeof identitySchema> | undefined {
  try {
    return text === undefined ? undefined : identitySchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
