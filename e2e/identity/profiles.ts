/** One certificate of each kind that the hub's authority makes, for others to judge. */
import { createAuthority, createCertificateRequest } from '../../certs/index.ts';
import { fromPem, toPem } from '../../certs/pem.ts';
import { memoryKeyStore } from '../../certs/testing/memory-key-store.ts';
import { systemRandom } from '../../controller/adapters/random.ts';
import { systemClock } from '../../controller/adapters/clock.ts';
import { p256Signer } from '../../controller/adapters/signer.ts';
import { silentLog } from '../../controller/runtime/testing/fakes.ts';
import type { Clock } from '../../mesh/ports/clock.ts';
import type { MeshCertificateRole } from '../../mesh/ports/transport.ts';

const TRUST_DOMAIN = 'mesh.example';
export const ROLES = ['server', 'admin', 'remote', 'local'] as const satisfies readonly MeshCertificateRole[];

export interface Made {
  readonly keyPem: string;
  readonly chainPem: string;
  /** The first of the chain. */
  readonly leafPem: string;
}

export interface Profiles {
  readonly rootPem: string;
  readonly issuingPem: string;
  agent(cluster: string): Made;
  hub(): Made;
  mesh(role: MeshCertificateRole, cluster: string): Made;
  /** Signs what somebody else's tool asked for. */
  answer(cluster: string, requestDer: Uint8Array): string;
}

const blocksOf = (pem: string): readonly string[] => fromPem('CERTIFICATE', pem).map((der) => toPem('CERTIFICATE', der));

export async function newProfiles(clock: Clock = systemClock): Promise<Profiles> {
  const authority = createAuthority({ clock, random: systemRandom, signer: p256Signer, keys: memoryKeyStore(), trustDomain: TRUST_DOMAIN, log: silentLog, hosts: ['hub.example'] });
  await authority.open(new AbortController().signal);
  const made = (keyPem: string, chainPem: string): Made => ({ keyPem, chainPem, leafPem: blocksOf(chainPem)[0] ?? '' });
  const agent = (cluster: string): Made => {
    const key = p256Signer.generate();
    return made(key.exportPem(), authority.issueAgent(cluster, createCertificateRequest(key)).chainPem);
  };
  return {
    rootPem: authority.trust().bundlePem, issuingPem: blocksOf(agent('any').chainPem)[1] ?? '', agent,
    hub() {
      const { keyPem, chainPem } = authority.serverMaterial('hub.example');
      return made(keyPem, chainPem);
    },
    mesh(role, cluster) {
      const key = p256Signer.generate();
      const [issued] = authority.issueMesh(cluster, [{ role, csrDer: createCertificateRequest(key) }], 'kube-system');
      return made(key.exportPem(), issued?.chainPem ?? '');
    },
    answer: (cluster, requestDer) => authority.issueAgent(cluster, requestDer).chainPem,
  };
}

/** Each kind under a name of its own: two authorities, agents, the hub, and Cilium's four. */
export const everyKind = (profiles: Profiles): Readonly<Record<string, string>> => ({
  root: profiles.rootPem, issuing: profiles.issuingPem, agent: profiles.agent('berlin').leafPem, hub: profiles.hub().leafPem,
  ...Object.fromEntries(ROLES.map((role) => [`mesh-${role}`, profiles.mesh(role, 'berlin').leafPem])),
});
