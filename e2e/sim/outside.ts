/** Services that are not ours, as a simulated hub reaches them: a Prometheus that knows one number of each metric and cluster. */
import { type Ask, type AskAnswer, AskFailed, type AskRequest } from '../../mesh/ports/ask.ts';
import type { Life } from './life.ts';
import type { Trace } from './trace.ts';

export interface Outside {
  /** undefined: the cluster tells nothing of it any more. */
  measure(cluster: string, metric: string, value: number | undefined): void;
  /** Whether the Prometheus answers at all. */
  answers: boolean;
  askFor(host: string, life: Life): Ask;
}

const json = (status: number, value: unknown): AskAnswer => ({ status, body: JSON.stringify(value), retryAfterSeconds: undefined });

export function createOutside(trace: Trace): Outside {
  const values = new Map<string, Map<string, number>>();

  /** `METRIC{cluster=~"EXPRESSION"}` and nothing else: each cluster that matches, by name. */
  function query(text: string): AskAnswer {
    const { metric, pattern } = /^(?<metric>[a-z_]+)\{cluster=~"(?<pattern>[^"]*)"\}$/.exec(text)?.groups ?? {};
    if (metric === undefined || pattern === undefined) return json(400, { status: 'error', errorType: 'bad_data', error: 'invalid parameter "query": 1:1: parse error: the simulated Prometheus reads METRIC{cluster=~"…"} alone' });
    const whole = new RegExp(`^(?:${pattern})$`);
    const found = [...values.get(metric) ?? []].filter(([cluster]) => whole.test(cluster)).sort(([a], [b]) => (a < b ? -1 : 1));
    return json(200, { status: 'success', data: { resultType: 'vector', result: found.map(([cluster, value]) => ({ metric: { cluster }, value: [0, String(value)] })) } });
  }

  const outside: Outside = {
    answers: true,
    measure(cluster, metric, value) {
      const known = values.get(metric) ?? new Map<string, number>();
      values.set(metric, known);
      if (value === undefined) known.delete(cluster);
      else known.set(cluster, value);
    },
    askFor: (host, life) => ({ url, body }: AskRequest) => life.call(() => {
      const text = new URLSearchParams(body).get('query') ?? '';
      trace.add(host, 'asked', outside.answers ? text : `${text}: no answer`);
      if (!outside.answers) throw new AskFailed('retry', `connect ECONNREFUSED ${URL.parse(url)?.host ?? url}`);
      return query(text);
    }),
  };
  return outside;
}
