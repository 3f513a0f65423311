/** Changes by others: wire ↔ model. */
import type { DriftEntry, DriftReason } from '../../model/desired.ts';
import * as wire from '../gen/isthmus/v1/cluster.ts';
import { BOUNDS, instant, invalid, name, text } from './bounds.ts';

const REASONS: Readonly<Record<DriftReason, wire.DriftReason>> = { Changed: wire.DriftReason.CHANGED, PutBack: wire.DriftReason.PUT_BACK, Contended: wire.DriftReason.CONTENDED };

export function driftToWire({ reason, ...entry }: DriftEntry): wire.DriftEntry {
  return { ...entry, actor: entry.actor, changedAt: entry.changedAt, reason: reason === undefined ? wire.DriftReason.UNSPECIFIED : REASONS[reason] };
}

function reasonFromWire(field: string, reason: wire.DriftReason): DriftReason | undefined {
  if (reason === wire.DriftReason.UNSPECIFIED) return undefined;
  const found = (Object.keys(REASONS) as DriftReason[]).find((known) => REASONS[known] === reason);
  if (found === undefined) throw invalid(field, `${JSON.stringify(reason)} is none of ${Object.keys(REASONS).join(', ')}`);
  return found;
}

export function driftFromWire(field: string, entry: wire.DriftEntry): DriftEntry {
  const short = (member: string, value: string): string => text(`${field}.${member}`, value, BOUNDS.nameLength);
  const reason = reasonFromWire(`${field}.reason`, entry.reason);
  return {
    object: name(`${field}.object`, entry.object),
    path: text(`${field}.path`, entry.path),
    expected: short('expected', entry.expected),
    actual: short('actual', entry.actual),
    manager: short('manager', entry.manager),
    firstSeen: instant(`${field}.firstSeen`, entry.firstSeen),
    ...(entry.actor === undefined ? {} : { actor: short('actor', entry.actor) }),
    ...(entry.changedAt === undefined ? {} : { changedAt: instant(`${field}.changedAt`, entry.changedAt) }),
    ...(reason === undefined ? {} : { reason }),
  };
}
