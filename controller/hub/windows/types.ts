/** What the rollout asks of whoever knows the change windows. */
import type { WindowVerdict } from '../../../mesh/model/rollout.ts';

export interface Windows {
  /** Whether that run may begin to change the cluster now. At once: it is asked for each cluster that waits, with each decision. */
  windowOf(cluster: string, run: string): WindowVerdict;
  /** Called when a verdict may have changed by anything but the time. */
  subscribe(listener: () => void): void;
}
