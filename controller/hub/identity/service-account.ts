/** Judges service-account tokens of clusters that are to join, by the ClusterAdmission of that name; each is good for the key that came with it first. */
import { sameIssuerKey, type VerifiedToken, verifyServiceAccountToken } from '../../../certs/index.ts';
import { ClusterAdmission, type ClusterAdmissionObject, clusterAdmissionSpec, MAX_TOKEN_USES } from '../../../mesh/api/resources/cluster-admission.ts';
import { fromRfc3339, type Instant, toRfc3339 } from '../../../mesh/model/instant.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { TransportError } from '../../../mesh/ports/transport.ts';
import type { JoinProof } from './proof.ts';

const ATTEMPTS = 5;
/** Clocks may differ by that much: so long after its end a token would still be taken. */
const FORGOTTEN_AFTER_MILLISECONDS = 60_000;

type Use = NonNullable<NonNullable<ClusterAdmissionObject['status']>['uses']>[number];

export interface AccountPorts {
  readonly kubernetes: KubernetesClient;
  readonly clock: Clock;
  readonly trustDomain: string;
  readonly admissions: () => readonly ClusterAdmissionObject[];
}

export interface AccountRequest {
  readonly cluster: string;
  readonly token: string;
  /** Of the key that comes with it. */
  readonly publicKeySha256: string;
}

/** Of every hub of this trust domain, unless the ClusterAdmission says another. */
const usualAudience = (trustDomain: string): string => `isthmus:${trustDomain}`;

export async function serviceAccountProof(ports: AccountPorts, { cluster, token, publicKeySha256 }: AccountRequest, signal: CancelSignal): Promise<JoinProof> {
  const { kubernetes, clock } = ports;
  const where = `service-account token for cluster "${cluster}"`;
  const invalid = (problem: string): TransportError => new TransportError('user', 'TokenInvalid', `${where}: ${problem}`);
  const load = (within: CancelSignal): Promise<ClusterAdmissionObject | undefined> => kubernetes.get<ClusterAdmissionObject>(ClusterAdmission, { name: cluster }, within);

  const admission = await load(signal);
  const expected = admission === undefined ? undefined : expectedOf(admission, ports.trustDomain);
  if (admission === undefined || expected === undefined) throw invalid(`this hub has no valid ClusterAdmission "${cluster}", which would declare the cluster's issuer; make one with "isthmus join ${cluster} --issuer URL --jwks FILE"`);
  const judged = verifyServiceAccountToken(token, expected, clock.now());
  if ('problem' in judged) throw invalid(judged.problem);
  const other = ports.admissions().find((one) => one.metadata.name !== cluster && takesAlso(expectedOf(one, ports.trustDomain), expected, judged));
  if (other !== undefined) throw invalid(`ClusterAdmission "${other.metadata.name}" would take the same token, so it is of neither: two clusters must not have one key, issuer, account and audience; give one of them another audience`);

  /** Remembers that the token is this key's; when it was first. */
  async function take(within: CancelSignal): Promise<Instant> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const current = await load(within);
      if (current === undefined || current.metadata.uid !== admission!.metadata.uid) throw invalid(`ClusterAdmission "${cluster}" was removed meanwhile`);
      const uses = (current.status?.uses ?? []).filter(({ expiresAt }) => (fromRfc3339(expiresAt) ?? 0) + FORGOTTEN_AFTER_MILLISECONDS > clock.now());
      const before = uses.find(({ tokenSha256 }) => tokenSha256 === (judged as VerifiedToken).id);
      if (before !== undefined) return sameKey(before);
      if (uses.length >= MAX_TOKEN_USES) throw new TransportError('retry', 'Overloaded', `${where}: ${uses.length} tokens of the cluster were used and have not ended; wait until one has`);
      const { id, expiresAt, pod } = judged as VerifiedToken;
      const usedAt = toRfc3339(clock.now());
      const status = { uses: [...uses, { tokenSha256: id, publicKeySha256, usedAt, expiresAt: toRfc3339(expiresAt) }], lastUse: { at: usedAt, pod } };
      try {
        await kubernetes.update<ClusterAdmissionObject>(ClusterAdmission, { ...current, status }, { fieldManager: HUB_FIELD_MANAGER, subresource: 'status' }, within);
        return fromRfc3339(usedAt)!;
      } catch (error) {
        if (!(error instanceof KubernetesError) || error.reason !== 'Conflict') throw error;
      }
    }
    throw new TransportError('retry', 'Overloaded', `${where}: others use tokens of the cluster at the same moment; try again`);
  }

  function sameKey({ publicKeySha256: first, usedAt }: Use): Instant {
    if (first !== publicKeySha256) throw new TransportError('user', 'TokenUsed', `${where}: came with another key at ${usedAt}, and a token is good for one; if that was not this agent, its token was stolen: see ClusterAdmission "${cluster}"`);
    return fromRfc3339(usedAt) ?? clock.now();
  }

  const createdAt = fromRfc3339(admission.metadata.creationTimestamp);
  return {
    name: `service account ${expected.namespace}/${expected.serviceAccount}, pod ${judged.pod}`,
    // Whoever holds the cluster makes new tokens at will: a person's word, the object, must be newer as well.
    madeAt: createdAt === undefined ? undefined : Math.min(createdAt, judged.issuedAt),
    claim: async (within) => { await take(within); },
    spend: (_, within) => take(within),
    reject: async (within) => { await take(within); },
  };
}

type Expected = ReturnType<typeof expectedOf>;

/** undefined: the object is malformed. */
function expectedOf(admission: ClusterAdmissionObject, trustDomain: string) {
  const parsed = clusterAdmissionSpec.safeParse(admission.spec);
  if (!parsed.success) return undefined;
  const { jwks, audience = usualAudience(trustDomain), ...spec } = parsed.data;
  return { ...spec, audience, keys: jwks.keys };
}

const takesAlso = (other: Expected, { issuer, audience, namespace, serviceAccount }: NonNullable<Expected>, { key }: VerifiedToken): boolean =>
  other !== undefined && other.issuer === issuer && other.audience === audience && other.namespace === namespace && other.serviceAccount === serviceAccount && other.keys.some((one) => sameIssuerKey(one, key));
