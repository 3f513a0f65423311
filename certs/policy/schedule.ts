/** When certificates are made, put to use and renewed. Pure: `now` and chance are parameters. */
import type { Instant } from '../../mesh/model/instant.ts';

const DAY = 86_400_000;

/** Milliseconds. A leaf must outlive no issuer, so no leaf is longer than `ISSUING_ACTIVATE_BEFORE`. */
export const ROOT_LIFETIME = 3650 * DAY;
export const ISSUING_LIFETIME = 90 * DAY;
export const AGENT_LIFETIME = DAY;
export const HUB_LIFETIME = DAY;
export const MESH_LIFETIME = 7 * DAY;
/** A new issuing CA is made when the newest has this much left, and signs when its forerunner has `ISSUING_ACTIVATE_BEFORE` left (SPIRE's rule, `ca/manager`). */
export const ISSUING_PREPARE_BEFORE = 45 * DAY;
export const ISSUING_ACTIVATE_BEFORE = 7 * DAY;

export interface Validity {
  readonly notBefore: Instant;
  readonly notAfter: Instant;
}

/** Index of the issuing CA that signs now in a document of the first form, of a list that is sorted oldest first; -1 where the newest has expired or there is none. */
export function activeIssuer(issuers: readonly Validity[], now: Instant): number {
  const first = issuers.findIndex((issuer, index) => index === issuers.length - 1 || issuer.notAfter - now > ISSUING_ACTIVATE_BEFORE);
  return first >= 0 && (issuers[first]?.notAfter ?? 0) > now ? first : -1;
}

const withinLife = ({ notBefore, notAfter }: Validity, part: number): Instant => Math.floor(notBefore + (notAfter - notBefore) * part);

/** 50 % ± 10 % of the certificate's life; `uniform` in [0, 1). */
export function renewalTime(validity: Validity, uniform: number): Instant {
  return withinLife(validity, 0.4 + 0.2 * uniform);
}

/**
 * Of a certificate that the hub called for, as it does of a whole fleet's at once: 10 % to 60 % of its life, no later than any other. That is half a life wide, which is
 * what lies between two renewals, so a fleet that was called together is spread evenly from its next renewal on; ± 10 % alone takes a week to do that.
 */
export function renewalTimeAfterCall(validity: Validity, uniform: number): Instant {
  return withinLife(validity, 0.1 + 0.5 * uniform);
}
