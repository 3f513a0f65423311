/** Of every kind an object that the API server must take, and objects that it must refuse, each with the field it names. */
import { apiVersionOf, HUB_RESOURCES, MEMBER_RESOURCES } from '../../mesh/api/resources/index.ts';

interface Sample {
  /** Where the kind knows one name alone. */
  readonly name?: string;
  readonly spec: unknown;
  readonly refused: readonly { readonly spec: unknown; readonly field: string }[];
}

const service = { namespace: 'shop', name: 'checkout' };
const strategy = { stages: [{ name: 'canary', clusters: {} }] };
const digest = 'a'.repeat(64);

/** The chart's policy refuses overrides of more than a week. */
const tomorrow = new Date(Date.now() + 86_400_000).toISOString();

const SAMPLES: Readonly<Record<string, Sample>> = {
  Approval: {
    spec: { run: 'one', gate: 'rest/before/lead', reason: 'looks well', approver: 'admin', groups: ['system:masters'] },
    refused: [
      { spec: { run: 'one', gate: 'rest/lead', approver: 'ada' }, field: 'spec.gate' },
      { spec: { run: 'one', gate: 'rest/before/lead', approver: '' }, field: 'spec.approver' },
      { spec: { run: 'one', gate: 'rest/before/lead', decision: 'Reject', approver: 'ada' }, field: 'spec' },
    ],
  },
  Bundle: {
    spec: { package: 'shop', version: '1.2.0', parts: [{ name: 'config', manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'shop', namespace: 'shop' } }] }] },
    refused: [{ spec: { package: 'shop', version: 'v1', parts: [{ name: 'config', manifests: [{}] }] }, field: 'spec.version' }, { spec: { package: 'shop', version: '1.2.0', parts: [{ name: 'config' }] }, field: 'spec.parts[0]' }],
  },
  CertificateAuthority: {
    name: 'fleet', spec: { rotation: { id: 'yearly', of: 'Root', reason: 'every year' } },
    refused: [{ spec: { rotation: { id: 'x', of: 'Leaf', reason: 'y' } }, field: 'spec.rotation.of' }, { spec: { issuingCertificates: ['hello'] }, field: 'spec.issuingCertificates[0]' }],
  },
  Channel: { spec: { package: 'shop', clusters: {}, autoUpdate: {} }, refused: [{ spec: { package: 'shop', clusters: {} }, field: 'spec' }] },
  ChangeWindow: {
    spec: { clusters: { labels: { tier: 'gold' } }, kind: 'Allow', cron: '0 22 * * 1-5', durationSeconds: 21600, timeZone: 'Europe/Berlin', reason: 'at night' },
    refused: [
      { spec: { clusters: {}, kind: 'Deny' }, field: 'spec' },
      { spec: { clusters: {}, kind: 'Deny', cron: '0 22 * * *' }, field: 'spec' },
      { spec: { clusters: {}, kind: 'Deny', rrule: 'FREQ=DAILY', durationSeconds: 3600 }, field: 'spec' },
      { spec: { clusters: {}, kind: 'Deny', period: { from: '2026-12-24T00:00:00Z', to: '2026-12-20T00:00:00Z' } }, field: 'spec' },
      { spec: { clusters: {}, kind: 'Deny', rrule: 'FREQ=DAILY', start: '24 December', durationSeconds: 3600 }, field: 'spec.start' },
    ],
  },
  Cluster: {
    spec: { properties: { country: 'de' }, meshEndpoint: { ips: ['192.0.2.1'], tls: { secretName: 'berlin-client' } }, frozen: { reason: 'audit', until: '2026-12-31T00:00:00Z' } },
    refused: [
      { spec: { frozen: { reason: '' } }, field: 'spec.frozen.reason' },
      { spec: { admission: { decision: 'Accepted', keySha256: 'AB' } }, field: 'spec.admission.keySha256' },
      { spec: { meshEndpoint: { address: 'a.example.com', ips: ['192.0.2.1'] } }, field: 'spec.meshEndpoint' },
      { spec: { meshEndpoint: { address: 'a.example.com', port: 0 } }, field: 'spec.meshEndpoint.port' },
      { spec: { meshEndpoint: { address: 'a.example.com', tls: { secretName: '../x' } } }, field: 'spec.meshEndpoint.tls.secretName' },
      { spec: { meshEndpoint: { address: 'a.example.com', tls: { secretName: 'x', trust: 'Nobody' } } }, field: 'spec.meshEndpoint.tls.trust' },
    ],
  },
  ClusterAdmission: {
    spec: { issuer: 'https://berlin.example', jwks: { keys: [{ kid: 'k', kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', alg: 'ES256', use: 'sig' }] } },
    refused: [
      { spec: { issuer: 'https://berlin.example', jwks: { keys: [] } }, field: 'spec.jwks.keys' },
      { spec: { issuer: 'https://berlin.example', jwks: { keys: [{ kid: 'k', kty: 'oct' }] } }, field: 'spec.jwks.keys[0].kty' },
    ],
  },
  DriftDecision: {
    spec: { cluster: 'berlin', action: 'accept', changes: [{ object: 'Secret a/b', path: '.data', actual: 'sha256:1' }], reason: 'a test', requestedBy: 'admin' },
    refused: [{ spec: { cluster: 'berlin', action: 'accept', changes: [], reason: 'a test', requestedBy: 'admin' }, field: 'spec.changes' }],
  },
  DriftPolicy: { spec: { clusters: {}, rules: [{ match: 'true', class: 'acceptable' }] }, refused: [{ spec: { clusters: {}, holdSeconds: 1 }, field: 'spec.holdSeconds' }] },
  FleetQuery: { spec: { query: 'region=eu-*' }, refused: [{ spec: { columns: [''] }, field: 'spec.columns[0]' }] },
  Drill: { spec: { service, evacuate: 'berlin', requestedBy: 'admin' }, refused: [{ spec: { service, evacuate: 'berlin', requestedBy: 'ada', holdSeconds: 0 }, field: 'spec.holdSeconds' }] },
  AccessPolicy: {
    spec: { from: [{ clusters: { labels: { region: 'eu' } }, namespaces: ['shop'] }], to: { service, ports: [{ port: 443 }] } },
    refused: [
      { spec: { from: [{}], to: { service } }, field: 'spec.from[0]' }, { spec: { from: [{ clusters: {} }], to: { service, namespaces: ['shop'] } }, field: 'spec.to' },
      { spec: { from: [{ clusters: {} }], to: { service, ports: [{ port: 70_000 }] } }, field: 'spec.to.ports[0].port' },
    ],
  },
  ExportPolicy: { spec: { clusters: {}, namespaces: ['shop'] }, refused: [{ spec: { clusters: {}, namespaces: [] }, field: 'spec.namespaces' }] },
  FailoverPolicy: { spec: { service }, refused: [{ spec: { service: { namespace: 'Shop', name: 'checkout' } }, field: 'spec.service.namespace' }] },
  GlobalService: { spec: { host: 'checkout.example.com', service }, refused: [{ spec: { host: 'checkout', service }, field: 'spec.host' }] },
  Inquiry: {
    spec: { run: { name: 'one' } },
    refused: [{ spec: { run: { name: 'one' }, drill: { name: 'two' } }, field: 'spec' }, { spec: { history: { limit: 501 } }, field: 'spec.history.limit' }, { spec: { query: { text: 'region=eu-*', saved: 'europe' } }, field: 'spec.query' }],
  },
  JoinToken: {
    spec: { cluster: 'berlin', secretSha256: digest, expiresAt: '2026-01-01T00:00:00Z' },
    refused: [{ spec: { cluster: 'Berlin', secretSha256: digest, expiresAt: '2026-01-01T00:00:00Z' }, field: 'spec.cluster' }],
  },
  Mesh: {
    spec: { clusters: { labels: { region: ['eu*', 'us'], stage: 'canary' } } },
    refused: [{ spec: { clusters: {}, maxConnectedClusters: 256 }, field: 'spec.maxConnectedClusters' }, { spec: {}, field: 'spec.clusters' }],
  },
  UpdateRun: {
    spec: { strategy: { ...strategy, name: 'default' }, planDigest: digest, reason: 'a test', requestedBy: 'admin' },
    refused: [{ spec: { strategy: { stages: [], name: 'default' }, planDigest: digest, reason: 'a test', requestedBy: 'admin' }, field: 'spec.strategy.stages' }, { spec: { strategyName: 'default', bundle: { name: 'shop-1' }, reason: 'a test', requestedBy: 'admin' }, field: 'spec.bundle.clusters' }],
  },
  UpdateStrategy: {
    spec: strategy,
    refused: [{ spec: { stages: [{ name: 'canary', clusters: {}, maxConcurrency: 0 }] }, field: 'spec.stages[0].maxConcurrency' }],
  },
  WindowOverride: {
    spec: { run: 'one', reason: 'a leak', requestedBy: 'admin', expiresAt: tomorrow },
    refused: [{ spec: { run: 'one', reason: ' ', requestedBy: 'admin', expiresAt: tomorrow }, field: 'spec.reason' }, { spec: { run: 'one', reason: 'a leak', requestedBy: 'admin', expiresAt: 'soon' }, field: 'spec.expiresAt' }],
  },
  ServiceExport: { spec: { exportedLabels: { tier: 'one' } }, refused: [{ spec: { exportedLabels: 'tier' }, field: 'spec.exportedLabels' }] },
  ServiceImport: {
    spec: { type: 'ClusterSetIP', ports: [{ name: 'http', port: 80 }] },
    refused: [{ spec: { type: 'ClusterIP', ports: [] }, field: 'spec.type' }, { spec: { type: 'Headless', ports: [{ port: 65536 }] }, field: 'spec.ports[0].port' }],
  },
};

export const KINDS = [...HUB_RESOURCES, ...MEMBER_RESOURCES].map((definition) => {
  const sample = SAMPLES[definition.kind];
  if (sample === undefined) throw new Error(`kind ${definition.kind} has no sample`);
  const object = (name: string, spec: unknown) => ({
    apiVersion: apiVersionOf(definition), kind: definition.kind, metadata: { name, ...(definition.namespaced ? { namespace: 'default' } : {}) }, spec,
  });
  return { definition, accepted: object(sample.name ?? 'sample', sample.spec), refused: sample.refused.map(({ spec, field }, index) => ({ object: object(sample.name ?? `refused-${index}`, spec), field })) };
});
