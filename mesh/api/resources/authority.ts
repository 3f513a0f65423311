/** CertificateAuthority: who signs for the fleet, whom it believes, and the change of that. One object, made by the hub. No secret is ever in it. */
import { z } from 'zod';
import { conditionsSchema, timestamp } from './common.ts';
import { defineResource, type ResourceObject } from './define.ts';

/** The only one. */
export const FLEET_AUTHORITY = 'fleet';

const reason = z.string().min(1).max(1024);
const generation = z.int().min(1).max(1_000_000);
const id = z.string().min(1).max(128);
const pem = z.string().max(16_384).regex(/^-----BEGIN CERTIFICATE-----/);

const certificateAuthoritySpec = z.object({
  rotation: z.object({
    id: id.describe('Of your choice: another id is another rotation. It begins when none is running.'),
    of: z.enum(['Issuing', 'Root']).describe('Issuing: a new issuing CA below the same root. Root: a new root, and a new issuing CA below it.'),
    reason,
    strategy: z.string().min(1).max(253).optional().describe('UpdateStrategy of the runs that bring its phases, until it is done; absent: the one of the mesh.'),
  }).optional().describe('The rotation that is wanted.'),
  rollBack: z.object({ id }).optional().describe('Of the rotation to take back; until its phase Cleanup.'),
  tainted: z.array(z.object({
    of: z.enum(['Issuing', 'Root']), generation, reason,
  })).max(16).optional().describe('Authorities whose key somebody else may hold. They sign nothing more as soon as another one can; what they signed is replaced.'),
  issuingCertificates: z.array(pem).max(8).optional().describe('PEM, signed by an offline root for status.request; intermediates may follow in the same text.'),
});

const authority = {
  generation: z.int(),
  subject: z.string(),
  serial: z.string(),
  fingerprint: z.string().describe('SHA-256 of the certificate, hex.'),
  notBefore: timestamp,
  notAfter: timestamp,
  state: z.enum(['Prepared', 'Active', 'Old']),
  taintedAt: timestamp.optional(),
};

const certificateAuthorityStatus = z.object({
  observedGeneration: z.int().optional(),
  trustDomain: z.string().optional(),
  sequence: z.int().optional().describe('Of the bundle; grows with each change of it.'),
  roots: z.array(z.object({ ...authority, trusted: z.boolean(), key: z.enum(['Held', 'File', 'Command', 'Offline', 'Nowhere']) })).max(8).optional(),
  issuers: z.array(z.object({ ...authority, root: z.int(), signs: z.array(z.enum(['client', 'server'])).max(2) })).max(32).optional(),
  request: z.object({ requestPem: z.string(), root: z.int(), since: timestamp, hosts: z.array(z.string()).max(64) }).optional().describe('An issuing CA that waits for the signature of an offline root.'),
  phase: z.enum(['Standby', 'Init', 'UpdateClients', 'UpdateServers', 'Cleanup']).optional(),
  rotation: z.object({ id: z.string(), of: z.enum(['Issuing', 'Root']), reason: z.string(), by: z.string(), since: timestamp, back: z.boolean() }).optional().describe('The one that is running.'),
  waitingFor: z.object({
    count: z.int(),
    clusters: z.array(z.object({ name: z.string(), why: z.string() })).max(10),
  }).optional().describe('Clusters without which the phase does not move on.'),
  finished: z.object({ id: z.string(), of: z.enum(['Issuing', 'Root']), at: timestamp, back: z.boolean() }).optional().describe('The rotation that ended last.'),
  conditions: conditionsSchema.optional(),
});
export type CertificateAuthorityObject = ResourceObject<z.infer<typeof certificateAuthoritySpec>, z.infer<typeof certificateAuthorityStatus>>;

/** Conditions: `Ready` (False: the worst problem, with the way out), `Accepted` (False: what spec asks for is refused, and why), `Rotating` (True: phase and whom it waits for; reason `Late` after 48 hours in a phase), `CertManager` (only where cert-manager signs; False: what waits there, or was denied and by whom). */
export const CertificateAuthority = defineResource({
  kind: 'CertificateAuthority', plural: 'certificateauthorities', shortNames: ['ica'],
  description: 'Who signs for the fleet, whom it believes, and the rotation of that. Name it "fleet".',
  spec: certificateAuthoritySpec, status: certificateAuthorityStatus,
  printColumns: [
    { name: 'Trust-Domain', type: 'string', jsonPath: '.status.trustDomain' },
    { name: 'Sequence', type: 'integer', jsonPath: '.status.sequence' },
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Waits-For', type: 'integer', jsonPath: '.status.waitingFor.count' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  validations: [{ rule: `self.metadata.name == '${FLEET_AUTHORITY}'`, message: `there is one authority: name it "${FLEET_AUTHORITY}"` }],
});
