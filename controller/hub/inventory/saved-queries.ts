/** FleetQuery objects: whether each can be asked, in its condition `Valid`. */
import { type FleetQueryObject, fleetQuerySpec } from '../../../mesh/api/resources/fleet-query.ts';
import { FleetQuery } from '../../../mesh/api/resources/index.ts';
import { atColumn } from '../../../mesh/inventory/pointing.ts';
import { parseQuery } from '../../../mesh/inventory/query.ts';
import { isKey } from '../../../mesh/inventory/reading.ts';
import { type ConditionUpdate, setCondition } from '../../../mesh/model/condition.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import { reportOn } from '../report.ts';
import { conditionsOf } from '../views.ts';
import { writeStatus } from '../write-status.ts';

/** A sentence where the object cannot be asked, else undefined. */
function savedProblem(object: FleetQueryObject): string | undefined {
  const spec = fleetQuerySpec.safeParse(object.spec ?? {});
  if (!spec.success) return `spec: ${spec.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`;
  const parsed = parseQuery(spec.data.query);
  if ('problem' in parsed) return `spec.query, ${atColumn(parsed)}`;
  const wrong = spec.data.columns.find((key) => !isKey(key));
  return wrong === undefined ? undefined : `spec.columns: ${JSON.stringify(wrong)} is no key: name a label, a property or a fact`;
}

export function createSavedQueries({ ports, saved }: {
  readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes'>;
  readonly saved: Cache<FleetQueryObject>;
}): Loop {
  const report = reportOn<FleetQueryObject>(ports, FleetQuery);
  const loop = createLoop({
    name: 'fleet query', ...ports,
    async reconcile(name, signal) {
      const object = saved.get({ name });
      if (object === undefined) return {};
      const problem = savedProblem(object);
      const { generation } = object.metadata;
      const valid: ConditionUpdate = {
        type: 'Valid', ...(problem === undefined ? { status: 'True', reason: 'Valid', message: `ask it with "isthmus fleet query @${name}"` } : { status: 'False', reason: 'WrongQuery', message: problem }),
        ...(generation === undefined ? {} : { observedGeneration: generation }),
      };
      const status = { conditions: [...setCondition(conditionsOf(object), valid, ports.clock.now())], ...(generation === undefined ? {} : { observedGeneration: generation }) };
      await writeStatus(ports.kubernetes, FleetQuery, object, status, signal);
      return {};
    },
    async report(name, trouble, signal) {
      const object = saved.get({ name });
      if (object !== undefined) await report(object, trouble, signal);
    },
  });
  saved.subscribe(({ type, object }) => { if (type !== 'deleted') loop.add(object.metadata.name); });
  return loop;
}
