/** Job gates on a real kube-apiserver: what it takes of a Job from a template, and what is said of one that it refuses. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256Hex } from '../../../controller/adapters/digest.ts';
import { type ConnectedKubernetes, connectKubernetes } from '../../../controller/adapters/kubernetes/connect.ts';
import { askJob, type JobAnswer } from '../../../controller/hub/gates/job.ts';
import type { GateQuestion } from '../../../controller/hub/gates/webhook.ts';
import { fakeMetrics } from '../../../controller/runtime/testing/fakes.ts';
import { Job, type JobObject } from '../../../mesh/api/resources/core.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';
import { type ApiServer, missingAssets, startApiServer } from '../apiserver.ts';

const never = new AbortController().signal;
const WRITE = { fieldManager: 'test' };
const missing = missingAssets();
const template = (name: string, suspend: boolean, more: object = {}): KubernetesObject => ({
  apiVersion: 'batch/v1', kind: 'Job', metadata: { namespace: 'checks', name },
  spec: { suspend, backoffLimit: 1, ttlSecondsAfterFinished: 60, template: { metadata: { labels: { app: 'smoke' } }, spec: { restartPolicy: 'Never', containers: [{ name: 'smoke', image: 'smoke:1', env: [{ name: 'LEVEL', value: 'deep' }] }] } }, ...more },
} as KubernetesObject);

describe.skipIf(missing !== undefined)('Job gates', () => {
  let server: ApiServer;
  let kubernetes: ConnectedKubernetes;
  const question = (more: Partial<GateQuestion> = {}): GateQuestion => ({ run: 'blue', stage: 'canary', side: 'after', gate: 'smoke', since: 1000, clusters: ['berlin', 'oslo'], ...more });
  const ask = (name: string, asked: GateQuestion, owner = { name: 'blue', uid: '5f0c' }): Promise<JobAnswer> =>
    askJob({ ports: { kubernetes, digest: sha256Hex }, owner }, { namespace: 'checks', template: name, deadlineSeconds: 300 }, asked, never);
  const made = async (): Promise<readonly JobObject[]> => (await kubernetes.list<JobObject>(Job, { namespace: 'checks', labelSelector: 'isthmus.dev/run=blue' }, never)).items;

  beforeAll(async () => {
    server = await startApiServer({ namespaces: ['checks'], users: [{ name: 'guest', token: 'guest-token' }] });
    kubernetes = connectKubernetes({ kubeconfig: server.kubeconfigPath, userAgent: 'test', metrics: fakeMetrics() });
    await kubernetes.create(Job, template('smoke', true), WRITE, never);
    await kubernetes.create(Job, template('running', false), WRITE, never);
  });
  afterAll(async () => {
    await kubernetes?.close();
    await server?.stop();
  });

  test('one Job is made for one question, however often it is asked', async () => {
    expect(await ask('smoke', question())).toMatchObject({ outcome: { phase: 'Waiting', message: expect.stringMatching(/^Job checks\/isthmus-gate-[0-9a-f]{20} has no running pod yet$/) } });
    await ask('smoke', question());
    const [job, ...none] = await made();
    expect(none).toEqual([]);
    expect(job).toMatchObject({
      metadata: { labels: { 'isthmus.dev/run': 'blue', 'isthmus.dev/gate': 'smoke' }, ownerReferences: [{ apiVersion: 'isthmus.dev/v1alpha1', kind: 'UpdateRun', name: 'blue', uid: '5f0c' }] },
      spec: {
        suspend: false, activeDeadlineSeconds: 300, backoffLimit: 1,
        template: { metadata: { labels: { app: 'smoke', 'isthmus.dev/gate': 'smoke' } }, spec: { containers: [{ env: [{ name: 'LEVEL', value: 'deep' }, { name: 'ISTHMUS_RUN', value: 'blue' }, { name: 'ISTHMUS_STAGE', value: 'canary' }, { name: 'ISTHMUS_SIDE', value: 'after' }, { name: 'ISTHMUS_GATE', value: 'smoke' }, { name: 'ISTHMUS_CLUSTERS', value: 'berlin,oslo' }] }] } },
      },
    });
    // It goes with its run, not before the hub has seen how it ended.
    expect(job!.spec).not.toHaveProperty('ttlSecondsAfterFinished');
    // Asked again after a resume: another question, another Job.
    await ask('smoke', question({ since: 2000 }));
    expect(await made()).toHaveLength(2);
  });

  test.each([
    ['passes', [{ type: 'SuccessCriteriaMet', status: 'True' }, { type: 'Complete', status: 'True' }], { completionTime: '2026-01-01T00:01:00Z' }, 'Passed', /^Job checks\/\S+ is complete$/],
    ['fails', [{ type: 'FailureTarget', status: 'True', reason: 'DeadlineExceeded' }, { type: 'Failed', status: 'True', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' }], {}, 'Failed', /^Job checks\/\S+ failed: DeadlineExceeded, Job was active longer than specified deadline$/],
  ])('a Job that ended %s', async (name, conditions, more, phase, message) => {
    const asked = question({ gate: name });
    await ask('smoke', asked);
    const job = (await made()).find(({ metadata }) => metadata.labels?.['isthmus.dev/gate'] === name)!;
    const status = { startTime: '2026-01-01T00:00:00Z', conditions: conditions.map((condition) => ({ ...condition, lastTransitionTime: '2026-01-01T00:01:00Z' })), uncountedTerminatedPods: {}, ...more };
    await kubernetes.update(Job, { ...job, status } as KubernetesObject, { ...WRITE, subresource: 'status' }, never);
    expect(await ask('smoke', asked)).toMatchObject({ outcome: { phase, message: expect.stringMatching(message) } });
  });

  test('what cannot be asked is said, and what to do about it', async () => {
    expect(await ask('nothing', question({ gate: 'a' }))).toEqual({ problem: 'there is no Job checks/nothing to make one from' });
    expect(await ask('running', question({ gate: 'b' }))).toEqual({ problem: 'Job checks/running is no template: set its spec.suspend to true' });
    expect(await ask('smoke', question(), { name: 'other', uid: '77' })).toMatchObject({ outcome: { phase: 'Waiting' } });
  });

  test('where the hub has no right to make Jobs, the gate says where to give it', async () => {
    const path = join(server.directory, 'guest');
    writeFileSync(path, server.kubeconfigFor('guest-token'));
    const guest = connectKubernetes({ kubeconfig: path, userAgent: 'test', metrics: fakeMetrics() });
    expect(await askJob({ ports: { kubernetes: guest, digest: sha256Hex }, owner: { name: 'blue', uid: '5f0c' } }, { namespace: 'checks', template: 'smoke', deadlineSeconds: 300 }, question(), never))
      .toEqual({ problem: expect.stringMatching(/^the hub may not make Jobs in checks: list it under gates\.jobNamespaces of the chart \(/) });
    await guest.close();
  });
});
