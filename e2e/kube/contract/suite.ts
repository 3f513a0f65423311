/** What every implementation of the Kubernetes API must do: `kubernetesContract` through our port, `serverContract` through bare HTTPS too. */
import { afterAll, beforeAll, describe } from 'vitest';
import { Namespace } from '../../../mesh/api/resources/core.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { admissionCases } from './admission-cases.ts';
import { accessCases } from './access-cases.ts';
import { applyCases } from './apply-cases.ts';
import { applyRulesCases } from './apply-rules-cases.ts';
import { by, never } from './calls.ts';
import { documentsCases } from './documents-cases.ts';
import { eventGroupsCases } from './event-groups-cases.ts';
import { garbageCases } from './garbage-cases.ts';
import { leaseCases } from './lease-cases.ts';
import { lifecycleCases } from './lifecycle-cases.ts';
import { namespaceCases } from './namespace-cases.ts';
import { objectCases } from './object-cases.ts';
import { selectorsCases } from './selectors-cases.ts';
import type { ServerSubject, Subject } from './subject.ts';
import { tablesCases } from './tables-cases.ts';
import { versionsCases } from './versions-cases.ts';
import { patchesCases } from './patches-cases.ts';
import { changesCases } from './changes-cases.ts';
import { chartsCases } from './charts-cases.ts';
import { clusterSelectorsCases } from './cluster-selectors-cases.ts';
import { collectionCases } from './collection-cases.ts';
import { conversionCases } from './conversion-cases.ts';
import { definitionsCases } from './definitions-cases.ts';
import { reviewsCases } from './reviews-cases.ts';
import { rulesCases } from './rules-cases.ts';
import { applyFieldsCases } from './apply-fields-cases.ts';
import { strictnessCases } from './strictness-cases.ts';
import { validationCases } from './validation-cases.ts';
import { workloadsCases } from './workloads-cases.ts';
import { watchCases } from './watch-cases.ts';
import { writesCases } from './writes-cases.ts';
import { watchesCases } from './watches-cases.ts';
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
const SERVER_CASES: readonly ((subject: () => ServerSubject) => void)[] = [applyRulesCases, lifecycleCases, garbageCases, namespaceCases, accessCases, leaseCases, eventGroupsCases, documentsCases, reviewsCases, selectorsCases, tablesCases, versionsCases, watchesCases, writesCases, patchesCases, validationCases, rulesCases, definitionsCases, conversionCases, strictnessCases, applyFieldsCases, chartsCases, collectionCases, clusterSelectorsCases, workloadsCases, admissionCases, changesCases];

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
