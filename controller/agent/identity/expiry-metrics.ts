/** When this cluster's certificates end, and the roots that it believes, each beside when it began. */
import { certificatesOf, readCertificate } from '../../../certs/index.ts';
import type { Instant } from '../../../mesh/model/instant.ts';
import type { Metrics } from '../../../mesh/ports/metrics.ts';
import type { AgentIdentity } from './identity.ts';
import type { MeshCertificates } from './mesh-certificates.ts';

interface Life { readonly notBefore: Instant; readonly notAfter: Instant }

/** `certificate`: identity, the four of the mesh (server, admin, remote, local), and the root of the bundle that ends first. The result ends it. */
export function measureExpiry(metrics: Metrics, identity: Pick<AgentIdentity, 'current'>, mesh: Pick<MeshCertificates, 'leaves'>): () => void {
  const ends = metrics.gauge('isthmus_agent_certificate_not_after_timestamp_seconds', 'When certificates of this cluster end: identity, server, admin, remote, local; and of the roots that it believes the first to end: root.', ['certificate']);
  const began = metrics.gauge('isthmus_agent_certificate_not_before_timestamp_seconds', 'When these certificates began.', ['certificate']);
  const roots = metrics.gauge('isthmus_agent_trusted_roots', 'Roots in the bundle that the agent uses: two while the root is rotated.');
  return metrics.beforeReading(() => {
    for (const gauge of [ends, began, roots]) gauge.clear();
    const tell = (certificate: string, { notBefore, notAfter }: Life): void => {
      ends.set({ certificate }, notAfter / 1000);
      began.set({ certificate }, notBefore / 1000);
    };
    for (const [role, life] of mesh.leaves()) tell(role, life);
    let material;
    try {
      material = identity.current();
    } catch {
      return;
    }
    tell('identity', readCertificate(material.chainPem));
    const trusted = certificatesOf(material.bundlePem).map(readCertificate).sort((a, b) => a.notAfter - b.notAfter);
    roots.set({}, trusted.length);
    if (trusted[0] !== undefined) tell('root', trusted[0]);
  });
}
