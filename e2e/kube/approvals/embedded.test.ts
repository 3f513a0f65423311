/** Who may approve, on the embedded API. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { describe } from 'vitest';
import { type ConnectedKubernetes, connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { embeddedClient, inProcess } from '../../../controller/embedded/client.ts';
import { runEmbedded } from '../../../controller/embedded/main.ts';
import { fakeMetrics, silentLog } from '../../../controller/runtime/testing/fakes.ts';
import { hubAccount } from '../../../mesh/api/resources/guards.ts';
import { HUB_RESOURCES } from '../../../mesh/api/resources/index.ts';
import { approvalScenario, PEOPLE } from './scenario.ts';

interface Config { readonly users: { readonly user: { token: string } }[] }

describe('with a hub that serves its own API', () => {
  approvalScenario('the embedded API', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-approvals-'));
    const cancel = new AbortController();
    const { kubeconfig, api, closed } = await runEmbedded({
      port: 0, definitions: HUB_RESOURCES, namespaces: ['isthmus-system'], serviceCidrs: [], log: silentLog, tokens: PEOPLE.map(({ name, token, groups }) => ({ token, user: name, groups, rules: [] })),
    }, cancel.signal);
    const open: ConnectedKubernetes[] = [];
    const connect = (name: string, token?: string): ConnectedKubernetes => {
      const config = parse(kubeconfig) as Config;
      if (token !== undefined) config.users[0]!.user.token = token;
      writeFileSync(join(folder, name), stringify(config), { mode: 0o600 });
      const client = connectKubernetes({ kubeconfig: join(folder, name), userAgent: 'isthmus-e2e', metrics: fakeMetrics() });
      open.push(client);
      return client;
    };
    const people = new Map(PEOPLE.map(({ name, token }) => [name, connect(name, token)] as const));
    return {
      admin: connect('admin'), hubs: embeddedClient(api, inProcess(hubAccount('isthmus-system'))), installed: false,
      as: (name) => people.get(name) as ConnectedKubernetes,
      async stop() {
        await Promise.all(open.map((client) => client.close()));
        cancel.abort();
        await closed;
        rmSync(folder, { recursive: true, force: true });
      },
    };
  });
});
