/**
 * Publishes the fleet's roots in the cluster, for whoever there checks certificates of the trust domain: ConfigMap `isthmus-trust-bundle` beside the agent, as PEM and as
 * SPIFFE has it (Trust_Domain_and_Bundle §4). Nothing of ours reads it.
 */
import { spiffeBundle } from '../../../certs/index.ts';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import type { TrustState } from '../../../mesh/model/desired.ts';
import { seconds } from '../../../mesh/model/instant.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { applyObject } from '../../runtime/apply.ts';
import { createLoop } from '../../runtime/loop.ts';
import type { AgentConfig, AgentPorts } from '../ports.ts';

const TRUST_BUNDLE_CONFIG_MAP = 'isthmus-trust-bundle';
const KEY = 'bundle';
const REFUSED_AGAIN_SECONDS = 300;
const TIME_LIMIT_SECONDS = 60;
/** The agent may not watch ConfigMaps: what somebody deleted or wrote over is put right within the hour. */
const LOOK_AGAIN_SECONDS = 3600;

export interface TrustBundle {
  /** What the agent believes from now on. */
  adopted(trust: TrustState): void;
  start(signal: CancelSignal): Promise<void>;
}

export function createTrustBundle(ports: AgentPorts, { namespace }: Pick<AgentConfig, 'namespace'>): TrustBundle {
  let trust: TrustState | undefined;
  const loop = createLoop({
    ...ports,
    name: 'trust-bundle',
    refusedAgainSeconds: REFUSED_AGAIN_SECONDS,
    timeLimitSeconds: TIME_LIMIT_SECONDS,
    async reconcile(_, signal) {
      if (trust === undefined) return {};
      const { trustDomain, sequence, bundlePem } = trust;
      const object: ConfigMapObject = {
        apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: TRUST_BUNDLE_CONFIG_MAP, labels: { 'app.kubernetes.io/managed-by': AGENT_FIELD_MANAGER } },
        data: { 'bundle.pem': bundlePem, 'bundle.json': spiffeBundle({ bundlePem, sequence }), trustDomain, sequence: String(sequence) },
      };
      // With force: whom a cluster believes is the authority's to say, and a root that somebody else wrote would be believed by all who read it.
      await applyObject(ports.kubernetes, ConfigMap, object, { fieldManager: AGENT_FIELD_MANAGER, force: true }, signal);
      return { requeueAt: ports.clock.now() + seconds(LOOK_AGAIN_SECONDS) };
    },
  });
  return {
    adopted(next) {
      if (trust?.bundlePem === next.bundlePem && trust.sequence === next.sequence) return;
      trust = next;
      loop.add(KEY);
    },
    start: (signal) => loop.start(signal),
  };
}
