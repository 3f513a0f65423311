/** A Job gate: a Job of the hub's cluster, made once for each question from a suspended one. It goes with its run. */
import { Job, type JobObject } from '../../../mesh/api/resources/core.ts';
import { apiVersionOf, UpdateRun } from '../../../mesh/api/resources/index.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { GateObservation, GateValue } from '../../../mesh/model/rollout.ts';
import { shortened } from '../../../mesh/model/shortened.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import type { HubPorts } from '../ports.ts';
import type { GateQuestion } from './webhook.ts';

export type JobAnswer = Pick<GateObservation, 'outcome' | 'problem'>;

interface JobParts {
  readonly ports: Pick<HubPorts, 'kubernetes' | 'digest'>;
  /** The run's UpdateRun. */
  readonly owner: { readonly name: string; readonly uid: string };
}

/** A text of the environment of a process is 128 KiB at most on Linux; more clusters than fit are left out. */
const LONGEST_LIST = 96 * 1024;
const LONGEST_LABEL = 63;
const LONGEST_MESSAGE = 400;
/** What the API server gives each Job anew. */
const GIVEN = ['controller-uid', 'job-name', 'batch.kubernetes.io/controller-uid', 'batch.kubernetes.io/job-name'];

/** The same for the same question: a hub that was restarted finds its Job. */
const nameOf = ({ ports, owner }: JobParts, { stage, side, gate, since }: GateQuestion): string => `isthmus-gate-${ports.digest(`${owner.uid} ${stage}/${side}/${gate} ${since}`).slice(0, 20)}`;

function jobFrom(template: JobObject, parts: JobParts, question: GateQuestion, deadlineSeconds: number): JobObject {
  const { run, stage, side, gate, clusters } = question;
  const { selector: _, manualSelector: __, suspend: ___, ttlSecondsAfterFinished: ____, ...spec } = template.spec ?? {};
  const labels = { 'isthmus.dev/run': run.slice(0, LONGEST_LABEL), 'isthmus.dev/gate': gate };
  const { metadata, ...pod } = spec.template ?? {};
  const kept = Object.fromEntries(Object.entries(metadata?.labels ?? {}).filter(([name]) => !GIVEN.includes(name)));
  const list = clusters.join(',');
  const env = Object.entries({ ISTHMUS_RUN: run, ISTHMUS_STAGE: stage, ISTHMUS_SIDE: side, ISTHMUS_GATE: gate, ...(list.length > LONGEST_LIST ? {} : { ISTHMUS_CLUSTERS: list }) }).map(([name, value]) => ({ name, value }));
  const containers = (pod.spec?.containers ?? []).map((container) => ({ ...container, env: [...container.env ?? [], ...env] }));
  return {
    apiVersion: 'batch/v1', kind: 'Job',
    metadata: {
      namespace: template.metadata.namespace ?? '', name: nameOf(parts, question), labels,
      ownerReferences: [{ apiVersion: apiVersionOf(UpdateRun), kind: UpdateRun.kind, ...parts.owner }],
    },
    spec: { ...spec, suspend: false, activeDeadlineSeconds: deadlineSeconds, template: { ...pod, metadata: { ...metadata, labels: { ...kept, ...labels } }, spec: { ...pod.spec, containers } } },
  };
}

function outcomeOf({ metadata, status }: JobObject): JobAnswer {
  const name = `Job ${metadata.namespace ?? ''}/${metadata.name}`;
  const is = (type: string) => status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');
  const failed = is('Failed');
  if (is('Complete') !== undefined) return { outcome: { phase: 'Passed', message: `${name} is complete` } };
  if (failed !== undefined) return { outcome: { phase: 'Failed', message: `${name} failed: ${shortened([failed.reason, failed.message].filter((part) => part !== undefined && part !== '').join(', '), LONGEST_MESSAGE)}` } };
  return { outcome: { phase: 'Waiting', message: `${name} ${(status?.active ?? 0) > 0 ? 'runs' : 'has no running pod yet'}` } };
}

/** Makes the Job where there is none, and says how it is. Failures of the API that pass by themselves are thrown. */
export async function askJob(parts: JobParts, { namespace, template: templateName, deadlineSeconds }: NonNullable<GateValue['job']>, question: GateQuestion, signal: CancelSignal): Promise<JobAnswer> {
  const { kubernetes } = parts.ports;
  try {
    const known = await kubernetes.get<JobObject>(Job, { namespace, name: nameOf(parts, question) }, signal);
    if (known !== undefined) {
      const mine = known.metadata.ownerReferences?.some(({ uid }) => uid === parts.owner.uid) === true;
      return mine ? outcomeOf(known) : { problem: `Job ${namespace}/${known.metadata.name} is there and was not made for this run; delete it` };
    }
    const template = await kubernetes.get<JobObject>(Job, { namespace, name: templateName }, signal);
    if (template === undefined) return { problem: `there is no Job ${namespace}/${templateName} to make one from` };
    if (template.spec?.suspend !== true) return { problem: `Job ${namespace}/${templateName} is no template: set its spec.suspend to true` };
    return outcomeOf(await kubernetes.create<JobObject>(Job, jobFrom(template, parts, question, deadlineSeconds), { fieldManager: HUB_FIELD_MANAGER }, signal));
  } catch (error) {
    if (!(error instanceof KubernetesError) || error.code === 409 || error.code === 429 || error.code >= 500) throw error;
    if (error.code === 403) return { problem: `the hub may not make Jobs in ${namespace}: list it under gates.jobNamespaces of the chart (${shortened(error.message, LONGEST_MESSAGE)})` };
    if (error.code === 404) return { problem: `Jobs cannot be made in ${namespace}: the hub's API server has no such namespace, or serves no batch/v1` };
    return { problem: `the API server refuses a Job from ${namespace}/${templateName}: ${shortened(error.message, LONGEST_MESSAGE)}` };
  }
}
