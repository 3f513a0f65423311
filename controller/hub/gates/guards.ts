/** Looks at start, and every minute while all is well, whether the API server vouches for the people in objects: who has approved is believed only then. */
import { guardObjects, guardProblem, GUARDS, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '../../../mesh/api/resources/guards.ts';
import { ClusterRole, PEOPLE_ROLES } from '../../../mesh/api/resources/people.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { applyObject } from '../../runtime/apply.ts';
import { messageOf } from '../../runtime/errors.ts';
import { askWhoAmI } from '../../runtime/who.ts';
import type { HubPorts } from '../ports.ts';

const CHECK_MILLISECONDS = 60_000;
/** At an install the policies come after the hub, and rights a second later. */
const MISSED_MILLISECONDS = 5000;

export interface Guards {
  /** Why approvals cannot be believed now; undefined: they can. */
  problem(): string | undefined;
  /** Called when that has changed. */
  subscribe(listener: () => void): void;
  /** Whom the API server takes the hub for; undefined: it has not said. */
  hub(): string | undefined;
  /** Resolves once it has been looked at, or when it will not be any more. */
  readonly looked: Promise<void>;
  start(signal: CancelSignal): Promise<void>;
}

/** What the chart brings elsewhere, with the roles for people. A policy that somebody loosened is as it should be again. */
export async function installGuards(kubernetes: KubernetesClient, signal: CancelSignal): Promise<void> {
  const { name } = await askWhoAmI(kubernetes, HUB_FIELD_MANAGER, signal);
  for (const { policy, binding } of guardObjects(name)) {
    await applyObject(kubernetes, ValidatingAdmissionPolicy, policy, { fieldManager: HUB_FIELD_MANAGER, force: true }, signal);
    await applyObject(kubernetes, ValidatingAdmissionPolicyBinding, binding, { fieldManager: HUB_FIELD_MANAGER, force: true }, signal);
  }
  for (const role of PEOPLE_ROLES) await applyObject(kubernetes, ClusterRole, role, { fieldManager: HUB_FIELD_MANAGER, force: true }, signal);
}

export function createGuards({ kubernetes, clock, log }: Pick<HubPorts, 'kubernetes' | 'clock' | 'log'>): Guards {
  const listeners: (() => void)[] = [];
  let known: string | undefined = 'people are not vouched for: nobody has looked yet; the hub does at its start';
  let hub: string | undefined;
  let hasLooked: () => void = () => {};
  const looked = new Promise<void>((resolve) => { hasLooked = resolve; });

  async function look(signal: CancelSignal): Promise<string | undefined> {
    try {
      hub ??= (await askWhoAmI(kubernetes, HUB_FIELD_MANAGER, signal)).name;
      for (const name of GUARDS) {
        const [policy, binding] = await Promise.all([ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding].map((kind) => kubernetes.get(kind, { name }, signal)));
        const problem = guardProblem(name, policy, binding, hub);
        if (problem !== undefined) return problem;
      }
      return undefined;
    } catch (error) {
      return `whether ValidatingAdmissionPolicies ${GUARDS.join(' and ')} are there cannot be told: ${messageOf(error)}`;
    }
  }

  return {
    problem: () => known,
    hub: () => hub,
    subscribe: (listener) => { listeners.push(listener); },
    looked,
    async start(signal) {
      if (signal.aborted) hasLooked();
      signal.addEventListener('abort', () => hasLooked(), { once: true });
      while (!signal.aborted) {
        const found = await look(signal);
        if (signal.aborted) return;
        const problem = found === undefined ? undefined : `people are not vouched for: ${found}`;
        if (problem !== known) {
          known = problem;
          if (problem !== undefined) log.warn({ problem }, 'approval gates hold, and overrides open nothing');
          for (const listener of listeners) listener();
        }
        hasLooked();
        await clock.sleepUntil(clock.now() + (problem === undefined ? CHECK_MILLISECONDS : MISSED_MILLISECONDS), signal);
      }
    },
  };
}
