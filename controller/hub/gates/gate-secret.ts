/** Credentials for asks, from Secrets of the hub's namespace. A Secret says itself where it may go: whoever writes a strategy names Secrets and addresses, and must not bring the one to the other. */
import { Secret, type SecretObject } from '../../../mesh/api/resources/core.ts';
import { AskFailed } from '../../../mesh/ports/ask.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';

/** On a Secret: `https://prometheus.monitoring:9090`. */
const ORIGIN_ANNOTATION = 'isthmus.dev/origin';
/** What a header may hold. */
const PRINTABLE = /^[\x21-\x7e]+$/;

const bytesOf = (base64: string): string => atob(base64);
const trimmed = (text: string | undefined): string => (text === undefined ? '' : bytesOf(text).replace(/\r?\n$/, ''));

async function read(kubernetes: KubernetesClient, namespace: string, name: string, signal: CancelSignal): Promise<SecretObject> {
  try {
    const secret = await kubernetes.get<SecretObject>(Secret, { namespace, name }, signal);
    if (secret !== undefined) return secret;
  } catch (error) {
    if (error instanceof KubernetesError && error.code === 403) throw new AskFailed('user', `Secret ${namespace}/${name}: the hub may not read it; list it under gates.secrets of the chart`);
    throw error;
  }
  throw new AskFailed('user', `Secret ${namespace}/${name} does not exist`);
}

/** The header `authorization`. Throws `AskFailed` with a sentence that holds nothing of the Secret but its name and origin. */
export async function authorization(kubernetes: KubernetesClient, namespace: string, name: string, url: string, signal: CancelSignal): Promise<string> {
  const { metadata, data = {} } = await read(kubernetes, namespace, name, signal);
  const origin = URL.parse(metadata.annotations?.[ORIGIN_ANNOTATION] ?? '')?.origin;
  if (origin === undefined) throw new AskFailed('user', `Secret ${namespace}/${name} is sent nowhere: its annotation ${ORIGIN_ANNOTATION} must name the origin that may have it`);
  if (origin !== URL.parse(url)?.origin) throw new AskFailed('user', `Secret ${namespace}/${name} may be sent to ${origin} alone (annotation ${ORIGIN_ANNOTATION})`);
  const [token, username, password] = [trimmed(data['token']), trimmed(data['username']), trimmed(data['password'])];
  if (token !== '') {
    if (!PRINTABLE.test(token)) throw new AskFailed('user', `Secret ${namespace}/${name}: token holds what no header may`);
    return `Bearer ${token}`;
  }
  if (username === '') throw new AskFailed('user', `Secret ${namespace}/${name} has neither token nor username and password`);
  return `Basic ${btoa(`${username}:${password}`)}`;
}
