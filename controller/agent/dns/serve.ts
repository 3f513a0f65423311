/** The agent's DNS server: packets in, packets out, counted. */
import type { DnsPacketHandler } from '../../../mesh/ports/dns.ts';
import type { Log } from '../../../mesh/ports/log.ts';
import type { Metrics } from '../../../mesh/ports/metrics.ts';
import { messageOf } from '../../runtime/errors.ts';
import { respond } from './respond.ts';
import type { ZoneSource } from './service-zone.ts';

export function dnsHandler(zones: ZoneSource, metrics: Metrics, log: Log): DnsPacketHandler {
  const queries = metrics.counter('isthmus_dns_queries_total', 'Packets that came to the DNS server, by transport and response code (dropped: no query).', ['transport', 'rcode']);
  return (packet, transport) => {
    try {
      const response = respond(zones.current(), packet, transport);
      queries.inc({ transport, rcode: response?.rcode ?? 'dropped' });
      return response?.packet;
    } catch (error) {
      // One client's packet must not end the process that serves all others.
      queries.inc({ transport, rcode: 'failed' });
      log.error({ error: messageOf(error), bytes: packet.length }, 'a DNS packet could not be answered');
      return undefined;
    }
  };
}
