/** What this agent would answer, asked through the same door as any client: samples for drills, explanations for people. */
import { servedBy } from '../../../mesh/dns/answer.ts';
import { explain } from '../../../mesh/dns/explain.ts';
import { CLUSTERSET } from '../../../mesh/dns/service.ts';
import type { DnsSample, Evacuation } from '../../../mesh/model/drill.ts';
import { serviceKey } from '../../../mesh/model/service.ts';
import type { Question } from '../../../mesh/model/sync.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { Publisher } from '../../runtime/sync/publisher.ts';
import type { AgentPorts } from '../ports.ts';
import type { Imports } from '../services/imports.ts';
import type { AgentState } from '../state/state.ts';
import { readAnswer, writeQuestion } from './client.ts';
import { respond } from './respond.ts';
import type { ZoneSource } from './service-zone.ts';
import { typeNumber } from './types.ts';

const SAMPLE_MILLISECONDS = 200;
/** A forgotten evacuation is sampled no longer than this after its end. */
const LOOK_ON_MILLISECONDS = 120_000;
const MOST_RECORDS = 100;

export interface QuestionParts {
  readonly cluster: string; readonly ports: AgentPorts; readonly state: AgentState; readonly publisher: Publisher; readonly zones: ZoneSource; readonly imports: Imports;
}

export function createQuestions({ cluster, ports, state, publisher, zones, imports }: QuestionParts): Pick<Loop, 'start'> {
  const { clock } = ports;

  function ask(name: string, type: number): { rcode: string; records: readonly string[] } {
    const response = respond(zones.current(), writeQuestion(name, type), 'tcp');
    return response === undefined ? { rcode: 'FORMERR', records: [] } : readAnswer(response.packet);
  }

  /** Over every name of the service: a drill is over when the last of them is. */
  function sample({ service }: Evacuation): Omit<DnsSample, 'at'> {
    const key = serviceKey(service);
    const zone = zones.current();
    const clusterSetName = `${service.name}.${service.namespace}.svc.${CLUSTERSET}`;
    const hosts = [...zone.globals.values()].filter((global) => serviceKey(global.service) === key).map(({ host }) => host);
    const names = zone.services.get(key)?.clusterSetIps === null && hosts.length > 0 ? hosts : [clusterSetName, ...hosts];
    const clusters = new Set<string>();
    let rcode = 'NOERROR';
    for (const name of names) {
      const types = (['A', 'AAAA'] as const).map((type) => ({ type, answer: ask(name, typeNumber(type) ?? 1) }));
      const failed = types.find(({ answer }) => answer.rcode !== 'NOERROR');
      if (failed !== undefined) rcode = failed.answer.rcode;
      for (const { type, answer } of types) {
        if (answer.records.length === 0) continue;
        // Behind a cluster IP are those whose slices are written, not those that are about to be.
        const behind = name === clusterSetName && zone.services.get(key)?.type === 'ClusterSetIP' ? imports.writtenSources(key) : servedBy(zone, { name, type });
        for (const source of behind) clusters.add(source);
      }
    }
    const healthy = (state.failover(key)?.health ?? []).filter((entry) => entry.healthy).map((entry) => entry.cluster).sort();
    return { cluster, servedBy: [...clusters].sort(), rcode, healthy };
  }

  const samples = createLoop({
    ...ports,
    name: 'samples',
    async reconcile(id) {
      const evacuation = state.get('Evacuation', id);
      if (evacuation === undefined) { publisher.remove('DnsSample', id); return {}; }
      const next = sample(evacuation);
      const last = publisher.get('DnsSample', id)?.value as DnsSample | undefined;
      if (last === undefined || JSON.stringify({ ...next, at: 0 }) !== JSON.stringify(withoutTime(last))) publisher.set('DnsSample', id, { ...next, at: clock.now() });
      return clock.now() < evacuation.until + LOOK_ON_MILLISECONDS ? { requeueAt: clock.now() + SAMPLE_MILLISECONDS } : {};
    },
  });

  function answerQuestion({ id, dnsName, dnsType }: Question): void {
    const type = typeNumber(dnsType);
    if (type === undefined) {
      publisher.set('Answer', id, { id, rcode: 'FORMERR', records: [], lines: [`${JSON.stringify(dnsType)} is no DNS record type: use A, AAAA, SRV, TXT or TYPEn`] });
      return;
    }
    zones.outdate();
    const { rcode, records } = ask(dnsName, type);
    publisher.set('Answer', id, { id, rcode, records: records.slice(0, MOST_RECORDS), lines: explain(zones.current(), { name: dnsName, type: dnsType.toUpperCase() }, clock.now()) });
  }

  return {
    async start(signal) {
      state.subscribe((type, name) => {
        if (type === 'Evacuation') samples.add(name);
        if (type !== 'Question') return;
        const question = state.get('Question', name);
        if (question === undefined) publisher.remove('Answer', name);
        else if (question.verify === undefined && question.access === undefined && question.standing === undefined) answerQuestion(question);
      });
      for (const evacuation of state.list('Evacuation')) samples.add(evacuation.id);
      await samples.start(signal);
    },
  };
}

const withoutTime = (sample: DnsSample): DnsSample => {
  const { cluster, servedBy: clusters, rcode, healthy } = sample;
  return { cluster, servedBy: clusters, rcode, healthy, at: 0 };
};
