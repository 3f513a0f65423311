/** The document as it is stored: read from text, in the form of today or of earlier versions. */
import type { Instant } from '../../mesh/model/instant.ts';
import { activeIssuer } from '../policy/schedule.ts';
import { ROTATION_PHASES } from '../../mesh/model/trust.ts';
import { type AuthorityDocument, AuthorityUnusable, type StoredAuthority, type StoredIssuer } from './document.ts';
import { readCertificate } from './read.ts';

/** Of versions before rotation. The last root signed issuing CAs; who signed leaves followed from the time. */
interface FirstSchema {
  readonly schema: 1;
  readonly trustDomain: string;
  readonly sequence: number;
  readonly roots: readonly FirstStored[];
  readonly issuers: readonly FirstStored[];
}

interface FirstStored {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Absent where an even older version did not count: the oldest that is still there counts as the first. */
  readonly generation?: number;
}

export function parseDocument(content: string, trustDomain: string, now: Instant): AuthorityDocument {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    parsed = undefined;
  }
  if (!isFirst(parsed) && !isSecond(parsed)) {
    throw new AuthorityUnusable('certificate authority: its stored document is damaged or of a newer version; restore it from a backup, or delete it and start the hub, which says how to begin anew');
  }
  if (parsed.trustDomain !== trustDomain) {
    throw new AuthorityUnusable(`certificate authority: was made for trust domain ${JSON.stringify(parsed.trustDomain)}, the hub is set to ${JSON.stringify(trustDomain)}; set the hub's trust domain back`);
  }
  return isFirst(parsed) ? migrated(parsed, now) : parsed;
}

function migrated({ trustDomain, sequence, roots, issuers }: FirstSchema, now: Instant): AuthorityDocument {
  const active = activeIssuer(issuers.map(({ certificatePem }) => readCertificate(certificatePem)), now);
  const generations = issuers.map((issuer, index) => issuer.generation ?? index + 1);
  return {
    schema: 2, trustDomain, sequence,
    roots: roots.map((root, index): StoredAuthority => ({ certificatePem: root.certificatePem, keyPem: root.keyPem, generation: index + 1, state: index === roots.length - 1 ? 'active' : 'old' })),
    issuers: issuers.map(({ certificatePem, keyPem }, index): StoredIssuer => ({
      certificatePem, keyPem, generation: generations[index] ?? index + 1, root: roots.length,
      state: index === active ? 'active' : index < active || active < 0 ? 'old' : 'prepared',
    })),
    clientsFrom: 1, serversFrom: 1,
    made: { roots: roots.length, issuers: Math.max(...generations) },
  };
}

type Loose<T> = { readonly [K in keyof T]?: unknown } | null | undefined;
const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isList = (value: unknown, least: number, fits: (item: never) => boolean): boolean => Array.isArray(value) && value.length >= least && value.every(fits as (item: unknown) => boolean);

const isFirst = (value: unknown): value is FirstSchema => {
  const document = value as Loose<FirstSchema>;
  const stored = (item: Loose<FirstStored>): boolean => isText(item?.certificatePem) && isText(item.keyPem);
  return document?.schema === 1 && typeof document.sequence === 'number' && isList(document.roots, 1, stored) && isList(document.issuers, 1, stored);
};

const isSecond = (value: unknown): value is AuthorityDocument => {
  const document = value as Loose<AuthorityDocument>;
  const stored = (item: Loose<StoredAuthority>): boolean =>
    isText(item?.certificatePem) && (item.keyPem === undefined || isText(item.keyPem)) && isCount(item.generation) && ['prepared', 'active', 'old'].includes(item.state as string)
    && (item.taintedAt === undefined || typeof item.taintedAt === 'number');
  const issuer = (item: Loose<StoredIssuer>): boolean => stored(item) && isCount(item?.root);
  const made = document?.made as Loose<AuthorityDocument['made']>;
  const rotation = document?.rotation as Loose<NonNullable<AuthorityDocument['rotation']>>;
  const request = document?.request as Loose<NonNullable<AuthorityDocument['request']>>;
  return document?.schema === 2 && isCount(document.sequence) && isCount(document.clientsFrom) && isCount(document.serversFrom)
    && isCount(made?.roots) && isCount(made.issuers) && isList(document.roots, 1, stored) && isList(document.issuers, 0, issuer)
    && (rotation === undefined || (isText(rotation?.id) && ROTATION_PHASES.includes(rotation.phase as never) && (rotation.of === 'Root' || rotation.of === 'Issuing')
      && isCount((rotation.from as Loose<{ root: number }>)?.root) && isCount((rotation.to as Loose<{ root: number }>)?.root)))
    && (request === undefined || (isText(request?.requestPem) && isText(request.keyPem) && isCount(request.root)));
};
