/** The fleet's authority as this hub is set, kept in its Secret. */
import { type Authority, createAuthority } from '../../../certs/index.ts';
import { hostOf } from '../gateway/serving.ts';
import type { HubConfig, HubPorts } from '../ports.ts';
import { secretKeyStore } from './key-store.ts';
import { firstSequence } from './lost-authority.ts';

export function createFleetAuthority({ clock, random, signer, kubernetes, digest, ...ports }: HubPorts, { namespace, trustDomain, roots, advertisedAddress }: HubConfig): Authority {
  const log = ports.log.child({ part: 'authority' });
  const stored = { kubernetes, namespace, digest, log };
  return createAuthority({
    clock, random, signer, trustDomain, log,
    keys: { ...secretKeyStore(stored), firstSequence: (signal) => firstSequence(stored, signal) },
    ...(roots === undefined ? {} : { roots }),
    ...(advertisedAddress === '' ? {} : { hosts: [hostOf(advertisedAddress)] }),
  });
}
