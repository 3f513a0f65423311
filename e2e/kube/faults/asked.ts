/** What a request asks of the Kubernetes API, as far as faults care. */
import type { IncomingMessage } from 'node:http';

export interface Asked {
  readonly isWatch: boolean;
  /** A watch that begins with everything there is (KEP-3157). */
  readonly isStreamingList: boolean;
  readonly isList: boolean;
  /** A page after the first. */
  readonly continues: boolean;
  readonly isWrite: boolean;
  /** To ask the real server with; `query` replaces parameters. */
  path(query?: Readonly<Record<string, string>>): string;
}

export function askedOf({ method = 'GET', url = '/' }: Pick<IncomingMessage, 'method' | 'url'>, pageSize: number): Asked {
  const parsed = new URL(url, 'https://proxy');
  const isWatch = method === 'GET' && parsed.searchParams.has('watch');
  const limit = Number(parsed.searchParams.get('limit') ?? 0);
  const isList = method === 'GET' && !isWatch && limit > 0;
  if (isList) parsed.searchParams.set('limit', String(Math.min(limit, pageSize)));
  return {
    isWatch,
    isStreamingList: isWatch && parsed.searchParams.get('sendInitialEvents') === 'true',
    isList,
    continues: parsed.searchParams.has('continue'),
    isWrite: method !== 'GET' && method !== 'HEAD',
    path(query = {}) {
      const target = new URL(parsed);
      for (const [name, value] of Object.entries(query)) target.searchParams.set(name, value);
      return `${target.pathname}${target.search}`;
    },
  };
}
