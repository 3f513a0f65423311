/** Looks at a running simulation again and again: what DNS answers, and whether every invariant holds. Changes nothing and takes no time. */
import { assignedOnce } from './invariants/assigned-once.ts';
import { budget } from './invariants/budget.ts';
import { bundlesAssigned } from './invariants/bundles-assigned.ts';
import { nobodyLockedOut } from './invariants/nobody-locked-out.ts';
import { certificatesChain } from './invariants/certificates.ts';
import { dnsFreshness } from './invariants/dns-freshness.ts';
import { type Check, checkOf } from './invariants/invariant.ts';
import { ownFacts } from './invariants/own-facts.ts';
import { personKept } from './invariants/person-kept.ts';
import { stageOrder } from './invariants/stage-order.ts';
import { withinWindows } from './invariants/within-windows.ts';
import type { Fleet } from './hosts.ts';
import { resolve } from './resolver.ts';

const DNS_EVERY_MILLISECONDS = 100;
const RULES_EVERY_MILLISECONDS = 500;

export interface Observer {
  /** First violation of an invariant; undefined: none. */
  readonly violation: string | undefined;
  /** Checks every rule now, and what DNS answers. */
  look(): void;
}

export interface ObservedName { readonly host: string; readonly service: { readonly namespace: string; readonly name: string } }

export function observe(fleet: Fleet, { host, service }: ObservedName): Observer {
  const rules: readonly Check[] = [checkOf(assignedOnce), checkOf(bundlesAssigned), checkOf(personKept), checkOf(ownFacts), checkOf(certificatesChain()), checkOf(nobodyLockedOut()), checkOf(dnsFreshness(service, host))];
  /** Of steps that runs have taken: each is looked at as soon as it is durable. */
  const stepRules: readonly Check[] = [checkOf(budget()), checkOf(stageOrder()), checkOf(withinWindows())];
  const answers = new Map<string, string>();
  let violation: string | undefined;
  let dnsAt = 0;
  let rulesAt = 0;
  let steps = 0;

  function lookAtDns(): void {
    for (const { name, dns } of fleet.members) {
      const { rcode, records } = resolve(dns, host, 'A');
      const text = records.length === 0 ? rcode : records.join(' ');
      if (answers.get(name) === text) continue;
      answers.set(name, text);
      fleet.trace.add(name, 'dns', `${host} A ${text}`);
    }
  }

  function look(): void {
    for (const rule of rules) violation ??= rule(fleet);
    violation ??= fleet.failure;
  }

  fleet.clock.onStep(() => {
    const now = fleet.clock.now();
    if (now >= dnsAt) {
      lookAtDns();
      dnsAt = now + DNS_EVERY_MILLISECONDS;
    }
    if (fleet.steps.length !== steps) {
      for (const rule of stepRules) violation ??= rule(fleet);
      steps = fleet.steps.length;
    }
    if (now >= rulesAt) {
      look();
      rulesAt = now + RULES_EVERY_MILLISECONDS;
    }
  });
  return {
    get violation() { return violation; },
    look() {
      lookAtDns();
      look();
    },
  };
}
