/** Does what CertificateAuthority asks of the authority. */
import { type Authority, AuthorityRefusal } from '../../../certs/index.ts';
import type { CertificateAuthorityObject } from '../../../mesh/api/resources/authority.ts';
import { CHANGED_BY } from '../../../mesh/api/resources/guard-changes.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import type { Clock } from '../../../mesh/ports/clock.ts';
import { type AuthorityOrder, ordersOf } from '../../../mesh/trust/orders.ts';

type Obeying = Pick<Authority, 'state' | 'taint' | 'install' | 'begin' | 'rollBack'>;

/** Resolves with the refusals. Each order apart: what is refused does not keep the rest from being done. */
export async function obey(authority: Obeying, clock: Clock, { metadata, spec }: CertificateAuthorityObject, signal: CancelSignal): Promise<readonly string[]> {
  const by = metadata.annotations?.[CHANGED_BY] ?? 'somebody for whom nothing vouches';
  const refusals: string[] = [];
  const tried = new Set<string>();
  const next = (): AuthorityOrder | undefined => ordersOf(spec ?? {}, authority.state()).find((order) => !tried.has(JSON.stringify(order)));
  for (let order = next(); order !== undefined && !signal.aborted; order = next()) {
    tried.add(JSON.stringify(order));
    try {
      await carryOut(authority, order, by, clock, signal);
    } catch (error) {
      if (!(error instanceof AuthorityRefusal)) throw error;
      refusals.push(error.message);
    }
  }
  return refusals;
}

async function carryOut(authority: Obeying, order: AuthorityOrder, by: string, clock: Clock, signal: CancelSignal): Promise<void> {
  if (order.do === 'taint') await authority.taint({ of: order.of, generation: order.generation }, clock.now(), signal);
  else if (order.do === 'install') await authority.install(order.certificatePem, signal);
  else if (order.do === 'begin') await authority.begin({ id: order.id, of: order.of, reason: order.reason, by }, signal);
  else await authority.rollBack(order.id, signal);
}
