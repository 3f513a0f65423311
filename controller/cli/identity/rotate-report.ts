/** What has become of a rotation that has ended. */
import { type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../../mesh/api/resources/authority.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import type { Environment } from '../environment.ts';
import { printReport, type ReportFormat } from '../output/report.ts';
import { table } from '../output/table.ts';
import { type Ahead, nameOf } from './rotate-ahead.ts';

export const AUTHORITY_NAME = `certificateauthority.isthmus.dev/${FLEET_AUTHORITY}`;

type Status = NonNullable<CertificateAuthorityObject['status']>;
export interface Passed { readonly phase: string; readonly at: number }
interface Ended { readonly id: string; readonly status: Status; readonly begun: number; readonly passed: readonly Passed[]; readonly tainted: Ahead['tainted'] }

export function reportRotation(environment: Environment, { id, status, begun, passed, tainted }: Ended, output: ReportFormat): void {
  const ended = Math.max(fromRfc3339(status.finished?.at) ?? 0, passed.at(-1)?.at ?? begun);
  const phases = passed.map(({ phase, at }, index) => ({ phase, seconds: ((passed[index + 1]?.at ?? ended) - at) / 1000 }));
  const active = { roots: (status.roots ?? []).filter(({ trusted }) => trusted).map(({ generation, fingerprint }) => ({ generation, fingerprint })), issuers: (status.issuers ?? []).filter(({ signs }) => signs.length > 0).map(({ generation, serial }) => ({ generation, serial })) };
  const text = [
    `rotation "${id}" ${status.finished?.back === true ? 'was taken back' : 'is done'}: every cluster that is not revoked believes bundle ${status.sequence}, and shows certificates of issuing CA ${active.issuers.map(({ generation }) => generation).join(', ')} below root ${active.roots.map(({ generation }) => generation).join(', ')} alone`,
    ...(tainted === undefined ? [] : [`${nameOf(tainted)} and what it signed is believed nowhere any more; look for what a thief got before: "no record of" in the hub's log, metric isthmus_hub_unknown_keys_total`]),
    table(['PHASE', 'TOOK'], phases.map(({ phase, seconds }) => [phase, `${seconds.toFixed(1)}s`])).trimEnd(), '',
  ].join('\n');
  const value = { rotation: id, back: status.finished?.back === true, endedAt: status.finished?.at, sequence: status.sequence, ...(tainted === undefined ? {} : { tainted }), phases, ...active };
  printReport(environment, output, { text, value, name: AUTHORITY_NAME });
}
