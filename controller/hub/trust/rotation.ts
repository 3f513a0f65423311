/** CertificateAuthority ↔ the authority: does what people ask for, and moves a rotation on when the fleet uses what the phase before brought. */
import type { Authority, AuthorityState } from '../../../certs/index.ts';
import { type CertificateAuthorityObject, FLEET_AUTHORITY } from '../../../mesh/api/resources/authority.ts';
import { apiVersionOf, CertificateAuthority } from '../../../mesh/api/resources/index.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import { planRotation, type RotationPlan } from '../../../mesh/trust/rotation.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import { reportOn } from '../report.ts';
import { writeStatus } from '../write-status.ts';
import type { AskedIssuer } from './cert-manager.ts';
import { fleetTrust, type FleetTrustParts } from './fleet-trust.ts';
import { leavingIssuers } from './leaving.ts';
import { obey } from './obey.ts';
import { authorityStatus } from './status.ts';

/** Every report of every agent wakes the loop. */
const PAUSE_MILLISECONDS = 200;

export interface RotationParts extends FleetTrustParts {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes'>;
  readonly objects: Cache<CertificateAuthorityObject>;
  readonly authority: Authority;
  /** Who signs issuing CAs; undefined: people, or the hub. */
  readonly certManager?: Pick<AskedIssuer, 'condition'> | undefined;
  /** Sequence of the bundle that whoever joins is told to believe; undefined: none yet. */
  readonly published: () => number | undefined;
  /** Called when what clusters are asked to believe, or to renew, has changed. */
  readonly onChange: () => void;
}

export interface RotationLoop extends Loop {
  /** Of the runs that bring the rotation that is running; undefined: the mesh's own. */
  strategy(): string | undefined;
}

export function createRotation(parts: RotationParts): RotationLoop {
  const { ports, objects, authority, certManager, clusters, fleet, revocations, published, onChange } = parts;
  const { clock, kubernetes, log, metrics } = ports;
  const waits = metrics.gauge('isthmus_hub_rotation_waiting_clusters', 'Clusters without which the rotation of the authority does not go on.');
  const late = metrics.gauge('isthmus_hub_rotation_late', '1 while a rotation has been in one phase for longer than 48 hours, else 0.');

  function planOf(state: AuthorityState): RotationPlan | undefined {
    const { rotation, sequence } = state;
    if (rotation === undefined) return undefined;
    return planRotation({ ...rotation, sequence, leaving: leavingIssuers(state) }, fleetTrust(parts), clock.now());
  }

  async function reconcile(_key: string, signal: CancelSignal): Promise<{ readonly requeueAt?: number }> {
    const object = objects.get({ name: FLEET_AUTHORITY });
    if (object === undefined) return create(signal);
    const refusals = await obey(authority, clock, object, signal);
    for (let plan = planOf(authority.state()); plan?.move !== undefined && published() === authority.state().sequence && !signal.aborted; plan = planOf(authority.state())) {
      const id = authority.state().rotation?.id ?? '';
      await authority.move(id, plan.move, signal);
      log.info({ rotation: id, phase: plan.move }, 'the rotation of the authority goes on');
      // What a phase brings must have been asked of the fleet before the next one is thought of.
      onChange();
    }
    const state = authority.state();
    const plan = planOf(state);
    waits.set({}, plan?.waiting.length ?? 0);
    late.set({}, plan?.alarm === undefined ? 0 : 1);
    await writeStatus(kubernetes, CertificateAuthority, object, authorityStatus(object, state, plan, refusals, certManager?.condition(), clock.now()), signal);
    return plan?.nextAt === undefined ? {} : { requeueAt: plan.nextAt };
  }

  async function create(signal: CancelSignal): Promise<object> {
    try {
      await kubernetes.create<CertificateAuthorityObject>(CertificateAuthority, { apiVersion: apiVersionOf(CertificateAuthority), kind: 'CertificateAuthority', metadata: { name: FLEET_AUTHORITY }, spec: {} }, { fieldManager: HUB_FIELD_MANAGER }, signal);
    } catch (error) {
      if (!(error instanceof KubernetesError && error.reason === 'AlreadyExists')) throw error;
    }
    return {};
  }

  const report = reportOn<CertificateAuthorityObject>(ports, CertificateAuthority);
  const loop = createLoop({ name: 'rotation', ...ports, reconcile, report: async (key, trouble, signal) => { const object = objects.get({ name: key }); if (object !== undefined) await report(object, trouble, signal); } });
  const soon = (): void => loop.addAt(FLEET_AUTHORITY, clock.now() + PAUSE_MILLISECONDS);
  objects.subscribe(() => loop.add(FLEET_AUTHORITY));
  clusters.subscribe(soon);
  revocations.subscribe(soon);
  fleet.subscribe(({ type }) => { if (type === 'AppliedReport' || type === 'Connection') soon(); });
  return {
    ...loop,
    strategy() {
      const asked = objects.get({ name: FLEET_AUTHORITY })?.spec?.rotation;
      return asked?.id === authority.state().rotation?.id ? asked?.strategy : undefined;
    },
    async start(signal) {
      const stop = authority.onChange(() => { onChange(); loop.add(FLEET_AUTHORITY); });
      loop.add(FLEET_AUTHORITY);
      await loop.start(signal).finally(stop);
    },
  };
}
