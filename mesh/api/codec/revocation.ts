/** Revocations and what agents did about them: wire ↔ model. */
import type { Revocation, RevocationEffect } from '../../model/revocation.ts';
import type * as wire from '../gen/isthmus/v1/cluster.ts';
import { instant, name, text } from './bounds.ts';

export const revocationFromWire = (field: string, { cluster, at, reason, rejoined }: wire.Revocation): Revocation => ({
  cluster: name(`${field}.cluster`, cluster), at: instant(`${field}.at`, at), reason: text(`${field}.reason`, reason), rejoined,
});

export const effectToWire = ({ userRemovedAt, podsReplacedAt, ...rest }: RevocationEffect): wire.RevocationEffect =>
  ({ ...rest, userRemovedAt: userRemovedAt ?? undefined, podsReplacedAt: podsReplacedAt ?? undefined });

export const effectFromWire = (field: string, { cluster, at, stranger, userRemovedAt, podsReplacedAt, problem }: wire.RevocationEffect): RevocationEffect => ({
  cluster: name(`${field}.cluster`, cluster), at: instant(`${field}.at`, at), stranger,
  userRemovedAt: userRemovedAt === undefined ? null : instant(`${field}.userRemovedAt`, userRemovedAt),
  podsReplacedAt: podsReplacedAt === undefined ? null : instant(`${field}.podsReplacedAt`, podsReplacedAt),
  problem: text(`${field}.problem`, problem),
});
