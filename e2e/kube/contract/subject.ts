/** A server that the suite runs against, seen twice: through our own client, and through bare HTTPS. */
import { Agent, request } from 'undici';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';

export interface Subject {
  readonly client: KubernetesClient;
  stop(): Promise<void>;
}

export interface Ask {
  readonly body?: unknown;
  /** Content type of `body`; JSON unless given. */
  readonly type?: string;
  readonly accept?: string;
  /** Left out: the administrator's; '': none. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is, in place of `body`. */
  readonly raw?: string;
  /** Proves who calls in place of a token. */
  readonly certificate?: { readonly certPem: string; readonly keyPem: string };
}

export interface Answer {
  readonly code: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests reach into answers of many shapes
  readonly body: any;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- tests reach into events of many shapes
export interface ServerEvent { readonly type: string; readonly object: any }

/** A subject over HTTPS, with `kubeconfigPath` of its administrator and two users without any right until RBAC objects give them one. */
export interface ServerSubject extends Subject {
  readonly kubeconfigPath: string;
  readonly certificateAuthorityPem: string;
  readonly url: string;
  ask(method: string, path: string, options?: Ask): Promise<Answer>;
  /** Events of a watch, up to `count` of them or until `milliseconds` have passed; the first is what the server sent first. `path` says `watch=1`. */
  events(path: string, limit: { readonly count: number; readonly milliseconds?: number }, options?: Ask): Promise<readonly ServerEvent[]>;
  /** Signed by the authority that the server takes clients' certificates from. */
  certificateOf(user: string, group?: string, options?: { readonly expired?: boolean }): { readonly certPem: string; readonly keyPem: string };
}

/** Users of every subject, by token. `ann` is in the group `gardeners`. */
export const USERS = [
  { name: 'ann', token: 'ann-token-of-the-contract-suite', groups: ['gardeners'] },
  { name: 'ben', token: 'ben-token-of-the-contract-suite', groups: [] },
] as const;

/** `ask` and `events` of a server; `close` lets go of its connections. */
export function bareHttps(url: string, certificateAuthorityPem: string, adminToken: string): Pick<ServerSubject, 'ask' | 'events'> & { close(): Promise<void> } {
  const agent = new Agent({ connect: { ca: certificateAuthorityPem } });
  const others = new Map<string, Agent>();
  const dispatcherOf = ({ certificate }: Ask): Agent => {
    if (certificate === undefined) return agent;
    const known = others.get(certificate.certPem) ?? new Agent({ connect: { ca: certificateAuthorityPem, cert: certificate.certPem, key: certificate.keyPem } });
    others.set(certificate.certPem, known);
    return known;
  };
  const send = (method: string, path: string, options: Ask, signal?: AbortSignal): ReturnType<typeof request> => {
    const { type = 'application/json', accept = 'application/json', headers = {} } = options;
    const token = options.token ?? (options.certificate === undefined ? adminToken : '');
    const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
    return request(url + path, {
      dispatcher: dispatcherOf(options), method: method as 'GET', ...(signal === undefined ? {} : { signal }),
      headers: { accept, ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...(body === undefined ? {} : { 'content-type': type }), ...headers },
      ...(body === undefined ? {} : { body }),
    });
  };
  return {
    async ask(method, path, options = {}) {
      const answer = await send(method, path, options);
      const text = await answer.body.text();
      return { code: answer.statusCode, body: parsed(text), headers: answer.headers };
    },
    async events(path, { count, milliseconds = 5_000 }, options = {}) {
      const events: ServerEvent[] = [];
      const limit = AbortSignal.timeout(milliseconds);
      try {
        const answer = await send('GET', path, options, limit);
        let rest = '';
        for await (const chunk of answer.body) {
          const lines = (rest + String(chunk)).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) events.push(JSON.parse(line) as ServerEvent);
          if (events.length >= count) break;
        }
      } catch (error) {
        if (!limit.aborted) throw error;
      }
      return events.slice(0, count);
    },
    async close() {
      await Promise.all([agent, ...others.values()].map((each) => each.destroy()));
    },
  };
}

/** Anything but one JSON text stays text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
