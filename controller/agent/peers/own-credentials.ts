/** Reads the Secrets that hold credentials for single peers, by the names that the desired state gives, and says when they change. Nothing of them leaves the cluster. */
import { certificatesOf, readCertificate } from '../../../certs/index.ts';
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import type { PeerCredentials } from '../../../mesh/cilium/own-tls.ts';
import { seconds } from '../../../mesh/model/instant.ts';
import type { PeerState } from '../../../mesh/model/desired.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';
import { secretText } from '../secret-text.ts';

/** People change such Secrets, seldom; one that was not there yet is waited for. */
const LOOK_AGAIN_SECONDS = 30;
const MISSING_AGAIN_SECONDS = 5;
const MARK_CHARACTERS = 16;

type Held = { readonly cert: string; readonly key: string; readonly caCert: string } | { readonly missing: string };

export interface OwnCredentials {
  /** Of whom to read them from now on; replaces of whom so far. */
  want(peers: readonly PeerState[]): void;
  /** undefined: the peer has none of its own. */
  of(peer: PeerState): PeerCredentials | { readonly missing: string } | undefined;
  /** Called when what `of` gives has changed. */
  subscribe(listener: () => void): void;
  start(signal: CancelSignal): Promise<void>;
}

export function createOwnCredentials({ ports, config }: { readonly ports: Pick<AgentPorts, 'clock' | 'random' | 'metrics' | 'log' | 'kubernetes' | 'digest'>; readonly config: Pick<AgentConfig, 'ciliumNamespace'> }): OwnCredentials {
  const { clock, kubernetes, log, digest } = ports;
  const namespace = config.ciliumNamespace;
  const wanted = new Set<string>();
  const held = new Map<string, Held>();
  const listeners: (() => void)[] = [];
  const named = (name: string): string => `Secret ${namespace}/${name}`;

  async function read(name: string, signal: CancelSignal): Promise<Held> {
    let secret: SecretObject | undefined;
    try {
      secret = await kubernetes.get<SecretObject>(Secret, { namespace, name }, signal);
    } catch (error) {
      if (error instanceof KubernetesError && error.code === 403) return { missing: `${named(name)} may not be read by this agent: name it in cilium.peerSecrets of its chart` };
      throw error;
    }
    if (secret === undefined) return { missing: `${named(name)}, with which it is to be read, is not there` };
    const [cert, key, caCert] = ['tls.crt', 'tls.key', 'ca.crt'].map((part) => secretText(secret, part)) as [string, string, string];
    const wrong = [isCertificate(cert) ? [] : 'tls.crt', key.includes('PRIVATE KEY') ? [] : 'tls.key', caCert === '' || isCertificate(caCert) ? [] : 'ca.crt'].flat();
    return wrong.length > 0 ? { missing: `${named(name)}, with which it is to be read: ${wrong.join(', ')} ${wrong.length === 1 ? 'is' : 'are'} missing or no PEM` } : { cert, key, caCert };
  }

  const loop = createLoop({
    ...ports,
    name: 'own-credentials',
    async reconcile(name, signal) {
      if (!wanted.has(name)) return {};
      const found = await read(name, signal);
      const known = held.get(name);
      if (wanted.has(name) && JSON.stringify(known) !== JSON.stringify(found)) {
        held.set(name, found);
        if ('missing' in found) log.warn({ secret: `${namespace}/${name}`, problem: found.missing }, 'credentials for a peer cannot be read');
        else log.info({ secret: `${namespace}/${name}` }, 'read credentials for a peer');
        for (const listener of listeners) listener();
      }
      return { requeueAt: clock.now() + seconds('missing' in found ? MISSING_AGAIN_SECONDS : LOOK_AGAIN_SECONDS) };
    },
  });

  return {
    want(peers) {
      const names = new Set(peers.flatMap(({ endpoint: { tls } }) => tls?.secretName ?? []));
      for (const name of [...wanted]) if (!names.has(name)) { wanted.delete(name); held.delete(name); }
      for (const name of names) {
        if (wanted.has(name)) continue;
        wanted.add(name);
        loop.add(name);
      }
    },
    of({ endpoint: { tls } }) {
      if (tls === undefined) return undefined;
      const found = held.get(tls.secretName) ?? { missing: `${named(tls.secretName)}, with which it is to be read, has not been read yet` };
      if ('missing' in found) return found;
      const { cert, key, caCert } = found;
      if (tls.trust === 'Mesh') return { cert, key };
      return caCert === '' ? { missing: `${named(tls.secretName)}, with which it is to be read: ca.crt is missing` } : { cert, key, caCert, mark: digest(caCert).slice(0, MARK_CHARACTERS) };
    },
    subscribe(listener) { listeners.push(listener); },
    start: (signal) => loop.start(signal),
  };
}

function isCertificate(pem: string): boolean {
  try {
    for (const one of certificatesOf(pem)) readCertificate(one);
    return certificatesOf(pem).length > 0;
  } catch {
    return false;
  }
}
