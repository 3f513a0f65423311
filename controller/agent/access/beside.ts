/** What runs bring beside the peering, told as one: packages, and policies of access. */
import type { Bundles } from '../bundles/bundles.ts';
import type { Access } from './access.ts';

export function beside(bundles: Bundles, access: Access): Omit<Bundles, 'start'> {
  return {
    get synced() { return bundles.synced; },
    get looking() { return bundles.looking || access.looking; },
    look: bundles.look,
    outcome() {
      const [brought, held] = [bundles.outcome(), access.outcome()];
      return {
        ...brought, settled: brought.settled && held.settled, inPlace: brought.inPlace && held.inPlace,
        message: [brought.message, held.message].filter((text) => text !== '').join('; '), drift: [...brought.drift, ...held.drift],
      };
    },
    subscribe(listener) {
      bundles.subscribe(listener);
      access.subscribe(listener);
    },
  };
}
