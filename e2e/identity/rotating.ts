/** Authorities of one or several hubs over one store, and what their tests look at. */
import { manualClock } from '../../controller/runtime/testing/manual-clock.ts';
import { seededRandom, silentLog } from '../../controller/runtime/testing/fakes.ts';
import { type Authority, createAuthority } from '../../certs/authority/authority.ts';
import type { KeyStore } from '../../certs/authority/document.ts';
import { deterministicSigner } from '../../certs/testing/deterministic-signer.ts';
import { memoryKeyStore } from '../../certs/testing/memory-key-store.ts';

const signal = new AbortController().signal;

export function hubs(count: number, keys: KeyStore = memoryKeyStore()) {
  const clock = manualClock();
  const signers = Array.from({ length: count }, (_, index) => deterministicSigner(`hub ${index}`));
  const authorities = signers.map((signer, index) => createAuthority({ clock, random: seededRandom(index + 1), signer, keys, trustDomain: 'mesh.example', log: silentLog }));
  return { clock, keys, authorities, signer: signers[0]! };
}
export async function hub(keys?: KeyStore) {
  const { authorities, ...rest } = hubs(1, keys);
  const authority = authorities[0]!;
  await authority.open(signal);
  return { authority, ...rest };
}
export const order = (id: string, of: 'Issuing' | 'Root') => ({ id, of, reason: 'as planned', by: 'ann' });
export const refusal = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', (error: Error) => `${error.name}: ${error.message}`);

/** What a leaf would be signed by now: generations of issuing CA and root. */
function signs(authority: Authority, side: 'client' | 'server'): { readonly issuer: number; readonly root: number } {
  const issuer = authority.state().issuers.find((each) => each.signs.includes(side));
  return { issuer: issuer?.generation ?? 0, root: issuer?.root ?? 0 };
}
export const seen = (authority: Authority) => {
  const { sequence, roots: all, rotation, renewClientsFrom, renewServersFrom } = authority.state();
  return {
    phase: `${rotation?.phase ?? 'Standby'}${rotation?.back === true ? ' back' : ''}`, sequence, trusted: all.filter(({ trusted }) => trusted).map(({ generation }) => generation),
    client: signs(authority, 'client'), server: signs(authority, 'server'), from: [renewClientsFrom, renewServersFrom],
  };
};
