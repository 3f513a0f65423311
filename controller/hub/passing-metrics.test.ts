import { expect, it } from 'vitest';
import { fakeMetrics } from '../runtime/testing/fakes.ts';
import { passingMetrics } from './passing-metrics.ts';

it('empties the gauges of a leadership, and leaves counters and what others measure', () => {
  const metrics = fakeMetrics();
  metrics.gauge('leader', '', []).set({}, 1);
  const { metrics: mine, clear } = passingMetrics(metrics);
  mine.gauge('runs', '', ['run']).set({ run: 'one' }, 1);
  mine.counter('done', '').inc();
  clear();
  expect(metrics.all()).toEqual({ done: 1, leader: 1 });
});
