/** JoinToken: permission for one cluster to join, redeemed by one status write. */
import { z } from 'zod';
import { timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

export const joinTokenSpec = z.object({
  cluster: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/).describe('The only name that the token can claim.'),
  secretSha256: z.string().regex(/^[0-9a-f]{64}$/).describe('Hex SHA-256 of the secret\'s base64url text; the secret itself is stored nowhere.'),
  expiresAt: timestamp,
});

const joinTokenStatus = z.object({
  redeemedAt: timestamp.optional(),
  certificateSerial: z.string().optional().describe('Absent though it was redeemed: the cluster waits until somebody accepts it.'),
  issuedAt: timestamp.optional().describe('When a cluster that had waited got its certificate.'),
  rejectedAt: timestamp.optional().describe('When somebody rejected the key that redeemed the token.'),
  publicKeySha256: z.string().optional().describe('Digest of the public key that redeemed the token. The same key may ask again until the token expires: its answer may have been lost.'),
});
export type JoinTokenObject = ResourceObject<z.infer<typeof joinTokenSpec>, z.infer<typeof joinTokenStatus>>;

/** Redemption is one conditional write of `status.redeemedAt` (optimistic concurrency): of many keys at once, exactly one succeeds. */
export const JoinToken = defineResource({
  kind: 'JoinToken', plural: 'jointokens',
  description: 'A one-use permission for one cluster to join.',
  spec: joinTokenSpec, status: joinTokenStatus,
  printColumns: [
    { name: 'Cluster', type: 'string', jsonPath: '.spec.cluster' },
    { name: 'Expires', type: 'string', jsonPath: '.spec.expiresAt' },
    { name: 'Redeemed', type: 'string', jsonPath: '.status.redeemedAt' },
  ],
  validations: [{ rule: 'self.spec == oldSelf.spec', message: 'a join token cannot be changed; make a new one' }],
});
