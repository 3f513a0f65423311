/** What a CertificateRequest says of itself, and who denied it. */
import type { CertificateRequestObject } from '../../../mesh/api/resources/cert-manager.ts';
import { fromRfc3339, type Instant } from '../../../mesh/model/instant.ts';
import type { Asked } from '../../../mesh/trust/asked-issuer.ts';

export function readAsked({ metadata, status = {} }: CertificateRequestObject, attempt: number, now: Instant): Asked {
  const conditionOf = (type: string) => status.conditions?.find((condition) => condition.type === type);
  const [approved, denied, invalid, ready] = ['Approved', 'Denied', 'InvalidRequest', 'Ready'].map(conditionOf);
  const common = { name: metadata.name, attempt, createdAt: fromRfc3339(metadata.creationTimestamp) ?? now };
  const ended = (by: typeof ready) => ({ endedAt: fromRfc3339(status.failureTime) ?? fromRfc3339(by?.lastTransitionTime) ?? common.createdAt });
  if (denied?.status === 'True' || ready?.reason === 'Denied') return { ...common, state: 'denied', said: `by ${whoSet('Denied', metadata.managedFields)}: ${wordsOf(denied ?? ready)}`, ...ended(denied ?? ready) };
  if (invalid?.status === 'True') return { ...common, state: 'failed', said: wordsOf(invalid), ...ended(invalid) };
  if (ready?.reason === 'Failed') return { ...common, state: 'failed', said: wordsOf(ready), ...ended(ready) };
  if (ready?.status === 'True' && (status.certificate ?? '') !== '') return { ...common, state: 'signed', said: wordsOf(ready), ...ended(ready) };
  return { ...common, state: approved?.status === 'True' ? 'waits-for-issuer' : 'waits-for-approval', said: ready === undefined ? '' : wordsOf(ready) };
}

const wordsOf = (condition: { readonly reason?: string; readonly message?: string } | undefined): string =>
  [condition?.reason, condition?.message].filter((text) => text !== undefined && text !== '').join(': ').slice(0, 1024);

/** Kubernetes keeps which program wrote a field; the person behind it is in the API server's audit log. */
function whoSet(type: string, managedFields: CertificateRequestObject['metadata']['managedFields'] = []): string {
  const key = `k:${JSON.stringify({ type })}`;
  const own = managedFields.find(({ fieldsV1 }) => key in ((fieldsV1 as Fields | undefined)?.['f:status']?.['f:conditions'] ?? {}));
  return own?.manager ?? 'somebody';
}

interface Fields { readonly 'f:status'?: { readonly 'f:conditions'?: Readonly<Record<string, unknown>> } }
