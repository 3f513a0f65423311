/** What a Mesh is planned in spite of, as Events on it: once for each change of what is skipped, and when a skip no longer skips anything. */
import { apiVersionOf, Mesh } from '../../../mesh/api/resources/index.ts';
import type { MeshObject } from '../../../mesh/api/resources/mesh.ts';
import { type Condition, findCondition } from '../../../mesh/model/condition.ts';
import type { Cache } from '../../runtime/cache.ts';
import { createLoop, type Loop } from '../../runtime/loop.ts';
import type { HubPorts } from '../ports.ts';
import { conditionsOf } from '../views.ts';
import { tellEvent, type Told } from './event.ts';

const skipped = (object: MeshObject | undefined): Condition | undefined => (object === undefined ? undefined : findCondition(conditionsOf(object), 'PreflightSkipped'));
const said = (condition: Condition | undefined): string => (condition === undefined ? '' : `${condition.status} ${condition.message}`);

export function createSkipEvents({ ports, meshes }: { readonly ports: Pick<HubPorts, 'clock' | 'random' | 'log' | 'metrics' | 'kubernetes' | 'digest'>; readonly meshes: Pick<Cache<MeshObject>, 'subscribe'> }): Loop {
  /** By mesh; of several changes that nobody could be told of yet, the last. */
  const toTell = new Map<string, Told>();
  const loop = createLoop({
    ...ports,
    name: 'skip-events',
    async reconcile(name, signal) {
      const told = toTell.get(name);
      if (told === undefined) return {};
      await tellEvent(ports, told, signal);
      if (toTell.get(name) === told) toTell.delete(name);
      return {};
    },
  });
  // What stood before this hub began was told by the one before.
  meshes.subscribe(({ type, object, previous }) => {
    const [before, after] = [skipped(previous), skipped(object)];
    const { name, uid = '', generation = 0 } = object.metadata;
    if (type === 'deleted') toTell.delete(name);
    if (type !== 'updated' || after === undefined || said(before) === said(after)) return;
    toTell.set(name, {
      reason: after.status === 'True' ? 'PreflightSkipped' : 'PreflightNothingSkipped', note: after.message, type: after.status === 'True' ? 'Warning' : 'Normal',
      regarding: { apiVersion: apiVersionOf(Mesh), kind: Mesh.kind, name, uid }, at: ports.clock.now(), occasion: JSON.stringify([generation, said(before), said(after)]),
    });
    loop.add(name);
  });
  return loop;
}
