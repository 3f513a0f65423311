/** When changes may begin, as values: windows by rule or period, and a person's word that lets a run pass closed ones. */
import type { Instant } from './instant.ts';
import type { ClusterSelector } from './selector.ts';

/** `Allow`: changes begin inside it alone. `Deny`: no change begins inside it, whatever allows it. */
type WindowKind = 'Allow' | 'Deny';

/** Exactly one of `cron`, `rrule` and `period` is set. */
export interface ChangeWindowValue {
  readonly name: string;
  readonly kind: WindowKind;
  readonly clusters: ClusterSelector;
  /** Five fields, read in `timeZone`. */
  readonly cron?: string;
  /** A recurrence rule of RFC 5545, section 3.3.10. */
  readonly rrule?: string;
  /** Of `rrule`: local date-time in `timeZone` (`2027-01-04T22:00:00`), its DTSTART. */
  readonly start?: string;
  /** RFC 3339; one without an end is open for good. */
  readonly period?: { readonly from: string; readonly to?: string };
  /** Of `cron` and `rrule`: elapsed time, whatever clocks do meanwhile. */
  readonly durationSeconds?: number;
  /** IANA name. */
  readonly timeZone: string;
  readonly reason: string;
  /** Globs. Absent: runs of every strategy. */
  readonly strategies?: readonly string[];
  /** Globs over packages of bundles. Absent: every run; else runs that bring a package alone. */
  readonly packages?: readonly string[];
  /** Why the object could not be read at all; it then counts as closed to everybody. */
  readonly unreadable?: string;
}

/** No override opens anything for longer, counted from when it was made. */
export const OVERRIDE_LONGEST_DAYS = 7;
/** The same, with how far the clocks of whoever makes it and of the API server may be apart. */
export const OVERRIDE_LONGEST_SECONDS = OVERRIDE_LONGEST_DAYS * 86_400 + 60;

/** A WindowOverride: who made it is vouched for by the API server. */
export interface WindowOverrideValue {
  readonly name: string;
  readonly run: string;
  /** Absent: all clusters of the run. */
  readonly clusters?: ClusterSelector;
  readonly reason: string;
  readonly requestedBy: string;
  readonly expiresAt: Instant;
}

/** What windows ask of a run. */
export interface WindowRun {
  readonly name: string;
  readonly strategy: string;
  /** Of the bundle that it brings or takes away; absent: it changes the mesh's plan. */
  readonly package?: string;
}

/** Half open: `to` is outside. null: not within the horizon, or never. */
export interface WindowInterval {
  readonly from: Instant;
  readonly to: Instant | null;
}
