/** The thread, in order. */
import type { Step } from '../walk.ts';
import { join } from './01-join.ts';
import { inventory } from './02-inventory.ts';
import { plan } from './03-plan.ts';
import { stagedUpdate } from './04-staged-update.ts';
import { peering } from './05-peering.ts';
import { services } from './06-services.ts';
import { dns } from './07-dns.ts';
import { failover } from './08-failover.ts';
import { hubLoss } from './09-hub-loss.ts';
import { drill } from './10-drill.ts';
import { drift } from './11-drift.ts';
import { bundle } from './12-bundle.ts';

export const STEPS: readonly Step[] = [join, inventory, plan, stagedUpdate, peering, services, dns, failover, hubLoss, drill, drift];

/** With rights of their own alone, as charts give them, agents may write nothing of a bundle: its step needs the embedded API. */
export const stepsOn = (api: 'embedded' | 'given'): readonly Step[] => (api === 'given' ? STEPS : [...STEPS, bundle]);
