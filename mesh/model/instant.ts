/** Points in time and their one text form. */

/** Milliseconds since the Unix epoch, UTC. */
export type Instant = number;

/** RFC 3339 with milliseconds and `Z`, the form of every timestamp in objects, records and logs. */
export function toRfc3339(instant: Instant): string {
  return new Date(instant).toISOString();
}

/** `undefined` where the text is no RFC 3339 timestamp. */
export function fromRfc3339(text: string | undefined): Instant | undefined {
  if (text === undefined) return undefined;
  const instant = Date.parse(text);
  return Number.isNaN(instant) ? undefined : instant;
}

/** In milliseconds, as every instant and duration here. */
export const seconds = (count: number): number => count * 1000;

/** The last instant with a year of four digits: RFC 3339 has no other years. */
export const LAST_INSTANT: Instant = Date.UTC(10_000, 0) - 1;
