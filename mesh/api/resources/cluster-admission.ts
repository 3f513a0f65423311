/** ClusterAdmission: lets one cluster join by its own service-account token, without a secret that is copied. */
import { z } from 'zod';
import { timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

/** Remembered at once; a token is forgotten when it has ended. */
export const MAX_TOKEN_USES = 32;
const USUAL_TOKEN_AGE_SECONDS = 3600;

const number = z.string().min(1).max(1400).regex(/^[A-Za-z0-9_-]+$/);
const dnsLabel = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);

export const clusterAdmissionSpec = z.object({
  issuer: z.string().min(1).max(512).describe('Of the cluster\'s service-account tokens, as it says itself: kubectl get --raw /.well-known/openid-configuration.'),
  jwks: z.object({
    keys: z.array(z.object({
      kid: z.string().min(1).max(256),
      kty: z.enum(['RSA', 'EC']),
      alg: z.enum(['RS256', 'ES256']).optional(),
      use: z.enum(['sig']).optional(),
      n: number.optional(),
      e: number.optional(),
      crv: z.enum(['P-256']).optional(),
      x: number.optional(),
      y: number.optional(),
    })).min(1).max(16),
  }).describe('The issuer\'s public keys, as kubectl get --raw /openid/v1/jwks prints them.'),
  audience: z.string().min(1).max(512).optional().describe('The only audience that tokens have; absent: isthmus:TRUST_DOMAIN.'),
  namespace: dnsLabel.default('isthmus-system').describe('Of the agent\'s service account there.'),
  serviceAccount: z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/).default('isthmus-agent'),
  maxAgeSeconds: z.int().min(60).max(86_400).default(USUAL_TOKEN_AGE_SECONDS).describe('Tokens that were issued longer ago are refused, whenever they end.'),
});

const clusterAdmissionStatus = z.object({
  uses: z.array(z.object({
    tokenSha256: z.string().describe('Of what is signed of the token.'),
    publicKeySha256: z.string().describe('Digest of the public key that came with the token first, and of which alone it is good.'),
    usedAt: timestamp,
    expiresAt: timestamp,
  })).max(MAX_TOKEN_USES).optional().describe('Tokens that have been used and have not ended.'),
  lastUse: z.object({ at: timestamp, pod: z.string().max(1024) }).optional().describe('Which pod joined, or asked to, last.'),
});
export type ClusterAdmissionObject = ResourceObject<z.infer<typeof clusterAdmissionSpec>, z.infer<typeof clusterAdmissionStatus>>;

/** Its name is the cluster's. A cluster that was revoked joins by one alone that was made after that, with a token that was issued after that, too. */
export const ClusterAdmission = defineResource({
  kind: 'ClusterAdmission', plural: 'clusteradmissions', shortNames: ['icad'],
  description: 'Lets the cluster of its name join by its own service-account token. Holds no secret.',
  spec: clusterAdmissionSpec, status: clusterAdmissionStatus,
  printColumns: [
    { name: 'Issuer', type: 'string', jsonPath: '.spec.issuer' },
    { name: 'Used', type: 'date', jsonPath: '.status.lastUse.at' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [
    { rule: "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$') && self.metadata.name != 'default'", message: 'give it the name of the cluster that it lets join: a DNS label of at most 32 characters, not "default"' },
  ],
});
