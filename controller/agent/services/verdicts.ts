/** Writes the verdict on each export of this cluster into its ServiceExport. */
import { ServiceExport, type ServiceExportObject } from '../../../mesh/api/resources/multicluster.ts';
import { canonicalJson } from '../../../mesh/model/canonical.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import { applyObject } from '../../runtime/apply.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import { createReportReconciled, RECONCILED } from '../../runtime/reconciled.ts';
import type { Exports } from '../observe/exports.ts';
import type { AgentPorts } from '../ports.ts';
import type { AgentState } from '../state/state.ts';
import { exportConditions } from './export-status.ts';

const REFUSED_AGAIN_SECONDS = 60;
const TIME_LIMIT_SECONDS = 120;

export function createVerdicts(cluster: string, ports: AgentPorts, state: AgentState, exports: Exports): Pick<Loop, 'start'> {
  const reportReconciled = createReportReconciled<ServiceExportObject>({ client: ports.kubernetes, kind: ServiceExport, clock: ports.clock, fieldManager: AGENT_FIELD_MANAGER, verb: 'patch' });
  const loop = createLoop({
    ...ports,
    name: 'verdicts',
    refusedAgainSeconds: REFUSED_AGAIN_SECONDS,
    timeLimitSeconds: TIME_LIMIT_SECONDS,
    async report(service, trouble, signal) {
      const object = exports.object(service);
      if (object !== undefined) await reportReconciled(object, trouble, signal);
    },
    async reconcile(service, signal) {
      const object = exports.object(service);
      if (object === undefined || exports.facts === undefined) return {};
      const shared = state.get('ImportedFact', `${cluster}/${service}`) !== undefined;
      // `Reconciled` is not of this applied status: who reports failures writes it and takes it away.
      const before = (object.status?.conditions ?? []).filter(({ type }) => type !== RECONCILED);
      const conditions = exportConditions({ ...object, status: { conditions: before } }, exports.problem(service), state.get('ExportVerdict', service), shared, ports.clock.now());
      if (canonicalJson(conditions) === canonicalJson(before)) return {};
      const { apiVersion, kind, metadata: { namespace = '', name } } = object;
      const status = { apiVersion, kind, metadata: { namespace, name }, status: { conditions: [...conditions] } } as ServiceExportObject;
      await applyObject(ports.kubernetes, ServiceExport, status, { fieldManager: AGENT_FIELD_MANAGER, force: true, subresource: 'status' }, signal);
      return {};
    },
  });
  return {
    async start(signal) {
      const everything = (): void => { for (const service of exports.services()) loop.add(service); };
      exports.subscribe((service) => { if (service === undefined) everything(); else loop.add(service); });
      state.subscribe((type, name) => {
        if (type === 'ExportVerdict') loop.add(name);
        else if (type === 'ImportedFact' && name.startsWith(`${cluster}/`)) loop.add(name.slice(cluster.length + 1));
      });
      everything();
      await loop.start(signal);
    },
  };
}
