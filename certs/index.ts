/** What hub, agent and transports use of the certificate authority. */
export { createAuthority, type Authority, type IssuedAgent } from './authority/authority.ts';
export { AuthorityRefusal, type KeyStore } from './authority/document.ts';
export { initRoot, signIssuingRequest } from './authority/ceremony.ts';
export type { SignatureAlgorithm } from './authority/identifiers.ts';
export { certificatesOf, endsIn } from './authority/read-authority.ts';
export { RootKeyFailure, type RootKeys } from './authority/root-keys.ts';
export type { AuthorityState, RootState } from './authority/state.ts';
export { meshServerName } from './authority/leaves.ts';
export { readCertificate, type CertificateFacts } from './authority/read.ts';
export { spiffeBundle } from './authority/spiffe-bundle.ts';
export { CertificateRequestRejected, createCertificateRequest } from './authority/request.ts';
export { bundlePayload, signBundle, type Verified, verifyBundle } from './dsse/envelope.ts';
export { NO_SIGNATURES, readSigningPolicy } from './dsse/policy.ts';
export { clusterOfSpiffeId, spiffeIdOfCluster, spiffeIdOfHub } from './names.ts';
export { keyFingerprint } from './fingerprint.ts';
export { issuerKeysProblem, sameIssuerKey } from './service-account/keys.ts';
export { type VerifiedToken, verifyServiceAccountToken } from './service-account/verify.ts';
export { AGENT_LIFETIME, renewalTime, renewalTimeAfterCall } from './policy/schedule.ts';
