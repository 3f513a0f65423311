/** Metrics of a command, which nobody reads: without what makes them for a hub, a command starts sooner. */
import type { Metrics } from '../../mesh/ports/metrics.ts';

const nothing = (): void => undefined;

export const unmeasured: Metrics = {
  counter: () => ({ inc: nothing }),
  gauge: () => ({ set: nothing, clear: nothing }),
  histogram: () => ({ observe: nothing }),
  beforeReading: () => nothing,
};
