/** What can be seen of a simulation: one line per event, the same text for the same seed. */
import type { Instant } from '../../mesh/model/instant.ts';

/** `object`: a write that a Kubernetes API answered; `condition`: one that changed; `journal`: of update runs; `asked`: of services outside; `log`: what programs say of themselves; `printed`: by the command line. */
export type Topic = 'process' | 'network' | 'object' | 'condition' | 'journal' | 'asked' | 'history' | 'dns' | 'log' | 'printed' | 'scenario';

export interface TraceEvent {
  readonly at: Instant;
  readonly host: string;
  readonly topic: Topic;
  readonly text: string;
}

export interface Trace {
  add(host: string, topic: Topic, text: string): void;
  readonly events: readonly TraceEvent[];
  /** `t=12.345 virginia dns checkout.global.example.com A 10.20.0.21` */
  lines(): readonly string[];
}

export function createTrace(clock: { now(): Instant }): Trace {
  const events: TraceEvent[] = [];
  const start = clock.now();
  return {
    add: (host, topic, text) => { events.push({ at: clock.now(), host, topic, text }); },
    events,
    lines: () => events.map(({ at, host, topic, text }) => `t=${((at - start) / 1000).toFixed(3)} ${host} ${topic} ${text}`),
  };
}
