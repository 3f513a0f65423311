/** What every implementation of the Kubernetes API must do: `kubernetesContract` through our port, `serverContract` through bare HTTPS too. */
import { afterAll, beforeAll, describe } from 'vitest';
import { Namespace } from '../../../mesh/api/resources/core.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { applyCases } from './apply-cases.ts';
import { by, never } from './calls.ts';
import { objectCases } from './object-cases.ts';
import type { ServerSubject, Subject } from './subject.ts';
import { watchCases } from './watch-cases.ts';
import { serveWidgets } from './widget.ts';

async function prepare(client: KubernetesClient): Promise<void> {
  await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'contract' } }, by, never);
  await serveWidgets(client);
}

export function kubernetesContract(name: string, start: () => Promise<Subject>): void {
  describe(name, () => {
    let subject: Subject | undefined;
    const client = (): KubernetesClient => subject!.client;
    beforeAll(async () => {
      subject = await start();
      await prepare(client());
    });
    afterAll(async () => { await subject?.stop(); });
    objectCases(client);
    applyCases(client);
    watchCases(client);
  });
}

/** Each group of cases works in namespaces of its own; the order of groups says nothing. */
const SERVER_CASES: readonly ((subject: () => ServerSubject) => void)[] = [];

export function serverContract(name: string, start: () => Promise<ServerSubject>): void {
  describe(name, () => {
    let subject: ServerSubject | undefined;
    const server = (): ServerSubject => subject!;
    const client = (): KubernetesClient => subject!.client;
    beforeAll(async () => {
      subject = await start();
      await prepare(client());
    });
    afterAll(async () => { await subject?.stop(); });
    objectCases(client);
    applyCases(client);
    watchCases(client);
    for (const cases of SERVER_CASES) cases(server);
  });
}
