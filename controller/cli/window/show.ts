/** Windows in words. */
import type { ChangeWindowValue } from '../../../mesh/model/change-window.ts';
import { type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import type { ClusterSelector } from '../../../mesh/model/selector.ts';
import type { WindowState } from '../../../mesh/rollout/windows/book.ts';
import { age } from '../output/index.ts';

export const timeText = (at: Instant): string => toRfc3339(at).replace(/\.\d+Z$/, 'Z');
export const ahead = (at: Instant, now: Instant): string => `${timeText(at)} (in ${age(now, at)})`;

export const stateText = ({ problem, open, interval }: WindowState): string => (problem !== undefined ? 'invalid' : open ? 'open' : interval === null ? 'never opens' : 'closed');

/** `closes …`, `opens …`; empty: nothing is known to be ahead. */
export function nextText({ open, interval }: WindowState, now: Instant): string {
  if (interval === null) return '';
  if (!open) return `opens ${ahead(interval.from, now)}`;
  return interval.to === null ? '' : `closes ${ahead(interval.to, now)}`;
}

/** `region=eu-*,!tier=gold`, `berlin,oslo`, `all`. */
export function clustersText({ labels = {}, exclude_labels: excluded = {}, names, match_expressions: expressions = [], cel }: ClusterSelector): string {
  const globs = (value: string | readonly string[]): string => (typeof value === 'string' ? value : value.join('|'));
  const parts = [
    ...(names === undefined ? [] : [names.join('|')]),
    ...Object.entries(labels).map(([key, value]) => `${key}=${globs(value)}`), ...Object.entries(excluded).map(([key, value]) => `!${key}=${globs(value)}`),
    ...expressions.map(({ key, operator, values = [] }) => `${key} ${operator}${values.length === 0 ? '' : ` ${values.join('|')}`}`), ...(cel === undefined ? [] : [`cel: ${cel}`]),
  ];
  return parts.length === 0 ? 'all' : parts.join(',');
}

/** Of a window that is not about every run. */
export function runsText({ strategies, packages }: ChangeWindowValue): string {
  return [...(strategies === undefined ? [] : [`strategies ${strategies.join(', ')}`]), ...(packages === undefined ? [] : [`packages ${packages.join(', ')}`])].join(' and ');
}

/** When it begins, as it was written. */
export function rhythmText({ cron, rrule, start, period, durationSeconds, timeZone }: ChangeWindowValue): string {
  if (period !== undefined) return `${period.from} to ${period.to ?? 'its end'}`;
  return `${cron ?? `${rrule} from ${start}`} for ${durationSeconds} s, ${timeZone}`;
}
