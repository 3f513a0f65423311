/** Who calls: client certificates and bearer tokens; whoever shows neither is anonymous. In kube-apiserver's order and with its groups. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { ApiProblem } from '../problems.ts';
import { AUTHENTICATED, type User } from '../rbac/authority.ts';

const UNAUTHENTICATED = 'system:unauthenticated';
export const ANONYMOUS: User = { name: 'system:anonymous', uid: '', groups: [UNAUTHENTICATED], extra: {} };

export interface KnownToken {
  readonly token: string;
  readonly user: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
}

export interface Authentication {
  /** Throws 401 for credentials that nobody here believes. */
  of(request: IncomingMessage): User;
  /** undefined: unknown token. */
  ofToken(token: string): User | undefined;
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
const unauthorized = (): ApiProblem => new ApiProblem(401, 'Unauthorized', 'Unauthorized');

export function authentication(tokens: readonly KnownToken[], now: () => number): Authentication {
  const known = tokens.map(({ token, user, uid = '', groups = [] }) => ({ digest: digestOf(token), user: { name: user, uid, groups: [...groups, AUTHENTICATED], extra: {} } }));
  const ofToken = (token: string): User | undefined => {
    const digest = digestOf(token);
    // Every entry is compared, so that the time does not tell which prefix matched.
    return known.filter((entry) => timingSafeEqual(entry.digest, digest))[0]?.user;
  };
  return {
    ofToken,
    of(request) {
      const shown = certificateOf(request.socket as TLSSocket, now());
      if (shown !== undefined && shown !== 'refused') return shown;
      const token = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
      const user = token === undefined ? undefined : ofToken(token);
      if (user !== undefined) return user;
      if (token !== undefined || shown === 'refused') throw unauthorized();
      return ANONYMOUS;
    },
  };
}

/** undefined: none was shown, or one that names nobody. A resumed session is not verified again by TLS, so the dates are looked at here each time. */
function certificateOf(socket: TLSSocket, now: number): User | 'refused' | undefined {
  const certificate = socket.getPeerCertificate?.() as Partial<PeerCertificate> | undefined;
  if (certificate?.subject === undefined) return undefined;
  const inTime = now >= Date.parse(certificate.valid_from ?? '') && now <= Date.parse(certificate.valid_to ?? '');
  if (!socket.authorized || !inTime) return 'refused';
  const { CN, O } = certificate.subject as { readonly CN?: string | readonly string[]; readonly O?: string | readonly string[] };
  if (CN === undefined || CN === '') return undefined;
  if (typeof CN !== 'string') return 'refused';
  const groups = O === undefined ? [] : typeof O === 'string' ? [O] : O;
  const credential = (certificate.fingerprint256 ?? '').replaceAll(':', '').toLowerCase();
  return { name: CN, uid: '', groups: [...groups, AUTHENTICATED], extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${credential}`] } };
}
