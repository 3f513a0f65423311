/** Publishes what others need to trust this hub: ConfigMap `isthmus-trust`, read by `isthmus join`; `bundle.json` is for whoever speaks SPIFFE. Nothing in it is secret. */
import { spiffeBundle } from '../../../certs/index.ts';
import type { TrustState } from '../../../mesh/model/desired.ts';
import { ConfigMap, type ConfigMapObject } from '../../../mesh/api/resources/core.ts';
import { HUB_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { KubernetesClient } from '../../../mesh/ports/kubernetes.ts';
import { applyObject } from '../../runtime/apply.ts';

export const TRUST_CONFIG_MAP = 'isthmus-trust';

export interface TrustPublication {
  readonly namespace: string;
  readonly trust: TrustState;
  /** `host:port` that agents dial. */
  readonly hubAddress: string;
}

/** No write where it is so already. */
export async function publishTrust(kubernetes: KubernetesClient, { namespace, trust, hubAddress }: TrustPublication, signal: CancelSignal): Promise<void> {
  const object: ConfigMapObject = {
    apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: TRUST_CONFIG_MAP, labels: { 'app.kubernetes.io/managed-by': HUB_FIELD_MANAGER } },
    data: { 'bundle.pem': trust.bundlePem, 'bundle.json': spiffeBundle(trust), trustDomain: trust.trustDomain, sequence: String(trust.sequence), hubAddress },
  };
  // With force: a root of trust that somebody else wrote would be believed by every cluster that joins.
  await applyObject(kubernetes, ConfigMap, object, { fieldManager: HUB_FIELD_MANAGER, force: true }, signal);
}
