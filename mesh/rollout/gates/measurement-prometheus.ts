/** What an instant query of Prometheus' HTTP API answered: prometheus.io/docs/prometheus/latest/querying/api. */
import { shortened } from '../../model/shortened.ts';

/** `values`: in the order of the answer, not finite ones too. `advice` `user`: the query is wrong, and asking again gives the same. */
export type Reading =
  | { readonly values: readonly number[]; readonly warnings: readonly string[] }
  | { readonly problem: string; readonly advice: 'user' | 'retry' };

const MOST_SERIES = 1024;
const MOST_WARNINGS = 4;
const LONGEST_TEXT = 400;

const short = (text: string): string => shortened(text, LONGEST_TEXT);
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string').slice(0, MOST_WARNINGS).map(short) : []);
const wrong = (problem: string): Reading => ({ problem, advice: 'user' });
const later = (problem: string): Reading => ({ problem, advice: 'retry' });
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

function parsed(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `"NaN"`, `"+Inf"` and `"-Inf"` are texts as well as numbers are. undefined: it is none. */
function numberOf(sample: unknown): number | undefined {
  const text: unknown = Array.isArray(sample) ? sample[1] : undefined;
  if (typeof text !== 'string') return undefined;
  if (text === 'NaN') return Number.NaN;
  if (/^[+-]?Inf$/.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

/** Nothing of an answer that is not Prometheus' own is repeated: whoever names an address must not read by it what only the hub may. */
export function readPrometheus(status: number, body: string): Reading {
  const answer = parsed(body);
  if (answer === undefined || (answer['status'] !== 'success' && answer['status'] !== 'error')) return later(status === 404 ? 'answers 404: there is no Prometheus API; metric.address is its root, without /api/v1' : status === 401 || status === 403 ? `answers ${status}: it asks for other credentials (metric.authSecret)` : `answers ${status} with something that is not of Prometheus`);
  if (answer['status'] === 'error') {
    const said = `${typeof answer['errorType'] === 'string' ? short(answer['errorType']) : 'error'}: ${typeof answer['error'] === 'string' ? short(answer['error']) : 'it does not say which'}`;
    return status === 400 || status === 422 ? wrong(said) : later(`answers ${status}, ${said}`);
  }
  const { data } = answer;
  if (!isRecord(data)) return later('answers without data');
  const warnings = [...texts(answer['warnings']), ...texts(answer['infos'])].slice(0, MOST_WARNINGS);
  if (data['resultType'] === 'scalar') return samples([data['result']], warnings);
  if (data['resultType'] !== 'vector' || !Array.isArray(data['result'])) return wrong(`answers a ${typeof data['resultType'] === 'string' ? short(data['resultType']) : 'value of no type'}: the query must give one moment's numbers; take away a range such as [5m], or put a function such as rate() around it`);
  if (data['result'].length > MOST_SERIES) return wrong(`answers ${data['result'].length} series, at most ${MOST_SERIES} are judged: aggregate them, with sum or max`);
  const result = data['result'] as readonly unknown[];
  if (result.some((series) => isRecord(series) && series['histogram'] !== undefined && series['value'] === undefined)) return wrong('answers histograms: take a quantile of them, with histogram_quantile()');
  return samples(result.map((series) => (isRecord(series) ? series['value'] : undefined)), warnings);
}

function samples(all: readonly unknown[], warnings: readonly string[]): Reading {
  const values = all.map(numberOf);
  return values.includes(undefined) ? later('answers a sample that is no number') : { values: values as number[], warnings };
}
