/** What every implementation of the `KubernetesClient` port must do. Run on the embedded API and on a real kube-apiserver. */
import { afterAll, beforeAll, describe } from 'vitest';
import { Namespace } from '../../../mesh/api/resources/core.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { applyCases } from './apply-cases.ts';
import { by, never } from './calls.ts';
import { objectCases } from './object-cases.ts';
import { watchCases } from './watch-cases.ts';
import { serveWidgets } from './widget.ts';

export interface Subject {
  readonly client: KubernetesClient;
  stop(): Promise<void>;
}

export function kubernetesContract(name: string, start: () => Promise<Subject>): void {
  describe(name, () => {
    let subject: Subject | undefined;
    const client = (): KubernetesClient => subject!.client;
    beforeAll(async () => {
      subject = await start();
      await client().create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'contract' } }, by, never);
      await serveWidgets(client());
    });
    afterAll(async () => { await subject?.stop(); });
    objectCases(client);
    applyCases(client);
    watchCases(client);
  });
}
