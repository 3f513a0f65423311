/** Whatever happens to a rotation, in whichever order: nobody of a fleet is turned away. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ROTATION_PHASES } from '../../mesh/model/trust.ts';
import { fromPem } from '../pem.ts';
import { hubs, order, refusal, seen } from '../../e2e/identity/rotating.ts';
import type { Authority } from './authority.ts';
import { createCertificateRequest } from './request.ts';

const DAY = 86_400_000;
const signal = new AbortController().signal;
const roots = (bundlePem: string): readonly string[] => fromPem('CERTIFICATE', bundlePem).map((der) => Buffer.from(der).toString('base64'));

/** A fleet in small: each cluster uses a bundle and two leaves; what a rotation must never do is make one refuse another. */
interface Member { bundle: readonly string[]; sequence: number; client: number; server: number; clientRoot: string; serverRoot: string }

test('no order of steps, of clusters, of renewals, taints and ways back, at two hubs, ever makes one cluster refuse another', async () => {
  const action = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('use' as const), member: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('renew' as const), member: fc.nat(3), side: fc.constantFrom('client' as const, 'server' as const) }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('move' as const), order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('begin' as const), of: fc.constantFrom('Root' as const, 'Issuing' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('back' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('taint' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('days' as const), days: fc.integer({ min: 1, max: 50 }) }) },
  );
  /** Each rotation to its end and, begun again, back, by turns at both hubs: chance alone leaves one of these ends out now and then. */
  const move = { kind: 'move' as const, order: [0, 1, 2, 3] };
  const through = (['Root', 'Issuing'] as const).flatMap((of) => [{ kind: 'begin' as const, of }, move, move, move, move, { kind: 'begin' as const, of }, move, { kind: 'back' as const }, move, move, move]);
  const ends = new Set<string>();
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(1), action), { minLength: 20, maxLength: 60 }), async (steps) => {
    const { clock, authorities, signer } = hubs(2);
    for (const authority of authorities) await authority.open(signal);
    const issue = (authority: Authority, side: 'client' | 'server') => {
      const [issued] = authority.issueMesh('berlin', [{ role: side === 'client' ? 'remote' : 'server', csrDer: createCertificateRequest(signer.generate()) }], 'kube-system');
      const issuer = authority.state().issuers.find(({ generation }) => generation === issued!.issuingCaGeneration)!;
      const root = authority.state().roots.find(({ generation }) => generation === issuer.root)!;
      return { generation: issuer.generation, root: roots(root.certificatePem)[0]! };
    };
    const use = (member: Member, authority: Authority): void => {
      const { renewClientsFrom, renewServersFrom } = authority.state();
      Object.assign(member, { bundle: roots(authority.trust().bundlePem), sequence: authority.trust().sequence });
      if (member.client < renewClientsFrom) renew(member, authority, 'client');
      if (member.server < renewServersFrom) renew(member, authority, 'server');
    };
    const renew = (member: Member, authority: Authority, side: 'client' | 'server'): void => {
      const { generation, root } = issue(authority, side);
      Object.assign(member, side === 'client' ? { client: generation, clientRoot: root } : { server: generation, serverRoot: root });
    };
    const holds = (authority: Authority): void => {
      const hub = { bundle: roots(authority.trust().bundlePem), serverRoot: issue(authority, 'server').root };
      const shown = [hub.serverRoot, ...members.flatMap(({ clientRoot, serverRoot }) => [clientRoot, serverRoot])];
      const { from: [clientsFrom, serversFrom], client, server } = seen(authority);
      // Whoever renews gets what was asked for.
      expect(client.issuer >= clientsFrom! && server.issuer >= serversFrom!, JSON.stringify(seen(authority))).toBe(true);
      expect(members.every(({ bundle }) => shown.every((root) => bundle.includes(root))) && members.every(({ clientRoot }) => hub.bundle.includes(clientRoot))).toBe(true);
    };
    const members: Member[] = Array.from({ length: 4 }, () => ({ bundle: [], sequence: 0, client: 0, server: 0, clientRoot: '', serverRoot: '' }));
    for (const member of members) use(member, authorities[0]!);
    let count = 0;
    for (const [at, step] of steps) {
      const authority = authorities[at]!;
      await authority.open(signal);
      const { rotation, renewClientsFrom, renewServersFrom, sequence, issuers } = authority.state();
      if (step.kind === 'use') use(members[step.member]!, authority);
      else if (step.kind === 'renew') renew(members[step.member]!, authority, step.side);
      else if (step.kind === 'begin') await refusal(authority.begin(order(`r${count++}`, step.of), signal));
      else if (step.kind === 'back' && rotation !== undefined) await refusal(authority.rollBack(rotation.id, signal));
      else if (step.kind === 'taint') await refusal(authority.taint({ of: 'Issuing', generation: issuers.at(-1)!.generation }, clock.now(), signal));
      else if (step.kind === 'days') {
        await clock.advance(step.days * DAY);
        await authority.open(signal);
        // Seven days: whoever lives has renewed.
        if (step.days >= 7) for (const member of members) for (const side of ['client', 'server'] as const) renew(member, authority, side);
      } else if (step.kind === 'move' && rotation !== undefined) {
        // What a rotation waits for: all but the last few steps of a phase are those of single members.
        for (const member of step.order) {
          use(members[member]!, authority);
          holds(authority);
        }
        expect(members.every((member) => member.sequence === sequence && member.client >= renewClientsFrom && member.server >= renewServersFrom)).toBe(true);
        const next = ROTATION_PHASES[ROTATION_PHASES.indexOf(rotation.phase) + 1] ?? 'Standby';
        const result = await refusal(authority.move(rotation.id, next, signal));
        if (result === 'done') ends.add(`${rotation.of} ${next}${rotation.back === true ? ' back' : ''}`);
        else expect(result).toMatch(/tainted/);
      }
      holds(authority);
    }
  }), { numRuns: 60, endOnFailure: true, examples: [[through.map((one, index): [number, typeof one] => [index % 2, one])]] });
  for (const what of ['Root', 'Issuing']) expect([...ends]).toEqual(expect.arrayContaining(['UpdateClients', 'UpdateServers', 'Cleanup', 'Standby', 'Cleanup back'].map((end) => `${what} ${end}`)));
}, 60_000);
