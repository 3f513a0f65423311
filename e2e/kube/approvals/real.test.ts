/** Who may approve, on a real kube-apiserver. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ConnectedKubernetes, connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { findHelm } from '../../charts/helm.ts';
import { CHANGES_NAME } from '../../../mesh/api/resources/guards.ts';
import { missingAssets } from '../apiserver.ts';
import type { AuditedRequest } from '../audit.ts';
import { grantsOf, grantText, unusedGrants } from '../grants.ts';
import { startRestricted } from '../restricted.ts';
import { approvalScenario, PEOPLE } from './scenario.ts';

const helm = findHelm();
const missing = missingAssets() ?? (helm === undefined ? 'helm is neither in KUBEBUILDER_ASSETS nor on PATH' : undefined);
if (missing !== undefined) console.log(`approvals are not tried on a real kube-apiserver: ${missing}`);

describe.skipIf(missing !== undefined)('with the rights of the hub\'s chart alone', () => {
  let requests: readonly AuditedRequest[] = [];
  let granted: ReturnType<typeof grantsOf> = [];

  approvalScenario('kube-apiserver', async () => {
    const { server, objects, admin, restricted, audit, stop } = await startRestricted({ helm: helm ?? '', chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com:8443', '--api-versions', 'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy'], users: PEOPLE });
    const open: ConnectedKubernetes[] = [];
    const connect = (kubeconfig: string): ConnectedKubernetes => {
      const client = connectKubernetes({ kubeconfig, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
      open.push(client);
      return client;
    };
    const people = new Map(PEOPLE.map(({ name, token }) => {
      const path = join(server.directory, `${name}.kubeconfig`);
      writeFileSync(path, server.kubeconfigFor(token), { mode: 0o600 });
      return [name, connect(path)] as const;
    }));
    const administrator = connect(admin);
    return {
      admin: administrator, hubs: connect(restricted), installed: true, as: (name) => people.get(name) as ConnectedKubernetes,
      async writeNothing() {
        await administrator.delete({ group: 'admissionregistration.k8s.io', version: 'v1', kind: 'MutatingAdmissionPolicyBinding', plural: 'mutatingadmissionpolicybindings', namespaced: false }, { name: CHANGES_NAME }, {}, new AbortController().signal);
      },
      async stop() {
        await Promise.all(open.map((client) => client.close()));
        [requests, granted] = [audit.read(), grantsOf(objects)];
        await stop();
      },
    };
  });

  test('its role lets the hub do with approvals what it does, and no more', () => {
    expect(requests.filter(({ status }) => status === 401 || status === 403)).toEqual([]);
    const about = granted.filter(({ resource }) => /^approvals|^validatingadmission/.test(resource));
    // Read again only after someone else wrote at the same moment; deleted only long after their runs.
    expect(unusedGrants(about, requests).map(grantText).filter((text) => !['get approvals.isthmus.dev * in *', 'delete approvals.isthmus.dev * in *'].includes(text))).toEqual([]);
    expect(about.length).toBeGreaterThan(5);
  });
});
