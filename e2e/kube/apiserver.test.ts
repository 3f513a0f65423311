/** The real API servers of the other suites: several at once, prepared, and gone without a trace. */
import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { connectKubernetes } from '../../controller/adapters/kubernetes/connect.ts';
import { fakeMetrics } from '../../controller/runtime/testing/fakes.ts';
import { Namespace, Secret } from '../../mesh/api/resources/core.ts';
import { missingAssets, startApiServer } from './apiserver.ts';
import { Widget, widgetDefinition } from './contract/widget.ts';

const missing = missingAssets();
if (missing !== undefined) console.log(`no real kube-apiserver: ${missing}`);

describe.skipIf(missing !== undefined)('real API servers', () => {
  test('run side by side with their namespaces and definitions, know their users, and leave nothing behind', async () => {
    const servers = await Promise.all([
      startApiServer({ namespaces: ['shop'], definitions: [widgetDefinition], users: [{ name: 'guest', token: 'guest-token' }] }),
      startApiServer({ serviceCidr: '10.7.0.0/24' }),
    ]);
    const never = new AbortController().signal;
    const clients = servers.map((server) => connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'isthmus-e2e', metrics: fakeMetrics() }));
    expect(servers[0].url).not.toBe(servers[1].url);
    expect(await clients[0]!.get(Namespace, { name: 'shop' }, never)).toBeDefined();
    expect(await clients[1]!.get(Namespace, { name: 'shop' }, never)).toBeUndefined();
    expect((await clients[0]!.list(Widget, {}, never)).items).toEqual([]);

    const guestConfig = `${servers[0].directory}/guest`;
    writeFileSync(guestConfig, servers[0].kubeconfigFor('guest-token'));
    const guest = connectKubernetes({ kubeconfig: guestConfig, userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
    await expect(guest.list(Secret, { namespace: 'shop' }, never)).rejects.toMatchObject({ code: 403, reason: 'Forbidden', message: expect.stringContaining('User "guest"') as string });

    await Promise.all([guest, ...clients].map((client) => client.close()));
    await Promise.all(servers.map((server) => server.stop()));
    for (const server of servers) {
      expect(existsSync(server.directory)).toBe(false);
      await expect(fetch(`${server.etcdUrl}/health`)).rejects.toThrow();
    }
  });
});
