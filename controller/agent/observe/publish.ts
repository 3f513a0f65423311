/** Own exports on their way out: to the hub, and at the same moment into this agent's own view. */
import type { Log } from '../../../mesh/ports/log.ts';
import { messageOf } from '../../runtime/errors.ts';
import type { Publisher } from '../../runtime/sync/publisher.ts';
import type { Facts } from '../state/facts.ts';
import type { Exports } from './exports.ts';

export function publishExports({ exports, facts, publisher, log }: { readonly exports: Exports; readonly facts: Facts; readonly publisher: Publisher; readonly log: Log }): void {
  // Just started, this agent cannot say that an export is gone. The report and what is applied are never gone.
  const unknown = (): void => publisher.withhold((type) => (type === 'ExportFact' ? exports.facts === undefined : type === 'AppliedReport' || type === 'ClusterReport'));

  function publish(service: string): void {
    const fact = exports.facts?.get(service);
    try {
      if (fact === undefined) publisher.remove('ExportFact', service);
      else publisher.set('ExportFact', service, fact);
    } catch (error) {
      log.error({ service, error: messageOf(error) }, 'an export cannot be told to the hub');
    }
  }

  unknown();
  exports.subscribe((service) => {
    for (const name of service === undefined ? [...exports.facts?.keys() ?? []] : [service]) publish(name);
    if (service === undefined) unknown();
    if (exports.facts !== undefined) facts.setOwn(exports.facts);
  });
}
