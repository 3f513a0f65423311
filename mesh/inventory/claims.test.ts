import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConditionUpdate } from '../model/condition.ts';
import { type Claim, judgeClaims, NO_CLAIMS } from './claims.ts';

const honest: Claim = { ...NO_CLAIMS, connected: true, uid: 'u-1', declared: {}, reported: {} };
const judge = (claim: Partial<Claim>, earlier?: ConditionUpdate) => judgeClaims({ ...honest, ...claim }, earlier);
const oslo = (connected: boolean) => ({ sameUid: [{ name: 'oslo', connected }] });

describe('properties', () => {
  test('that say what is declared, or something else, are consistent', () => {
    expect(judge({ declared: { region: 'eu' }, reported: { region: 'eu', country: 'de' } })).toMatchObject({ status: 'True', reason: 'Consistent' });
  });

  test('that contradict are named with both values, the declared one holds, and long values are cut', () => {
    const { status, reason, message } = judge({ declared: { region: 'eu', pci: 'no' }, reported: { region: 'us', pci: 'y'.repeat(1000) } });
    expect({ status, reason }).toEqual({ status: 'False', reason: 'PropertyContradiction' });
    expect(message).toContain('region is declared as "eu", its agent reports "us"');
    expect(message).toContain('what is declared holds');
    expect(message.length).toBeLessThan(400);
  });

  test('stay contradicted while the agent is silent, until it says something else', () => {
    const said = judge({ declared: { region: 'eu' }, reported: { region: 'us' } });
    expect(judge({ connected: false, declared: { region: 'eu' }, reported: null }, said)).toEqual(said);
    expect(judge({ declared: { region: 'eu' }, reported: { region: 'eu' } }, said)).toMatchObject({ status: 'True' });
  });
});

describe('one uid', () => {
  test('with two agents at one time is two clusters, and stays so while one of them is away', () => {
    const said = judge(oslo(true));
    expect(said).toMatchObject({ status: 'False', reason: 'DuplicateUid', message: expect.stringContaining('oslo') as string });
    expect(judge({ ...oslo(false) }, said)).toEqual(said);
    expect(judge({ ...oslo(true), connected: false, reported: null }, said)).toEqual(said);
    expect(judge({}, said)).toMatchObject({ status: 'True', reason: 'Consistent' });
  });

  test('with one agent at a time is one cluster under a new name, and is said on both', () => {
    expect(judge(oslo(false))).toMatchObject({ status: 'True', reason: 'Renamed', message: expect.stringContaining('is what was known as oslo') as string });
    expect(judge({ ...oslo(true), connected: false })).toMatchObject({ status: 'True', reason: 'Renamed', message: expect.stringContaining('goes on as oslo') as string });
  });

  test('of a Cluster that was deleted is a name it had', () => {
    expect(judge({ formerNames: ['munich'] })).toMatchObject({ status: 'True', reason: 'Renamed', message: expect.stringContaining('known as munich, a Cluster that was deleted') as string });
  });
});

test('what was refused is said, before contradictions, and outlives a restart of the hub', () => {
  const said = judge({ refused: 'ClusterReport berlin.properties: has 300 items', declared: { a: '1' }, reported: { a: '2' } });
  expect(said).toMatchObject({ status: 'False', reason: 'ReportRefused', message: expect.stringMatching(/has 300 items; a is declared/) as string });
  expect(judge({ reported: null }, said)).toEqual(said);
});

test('nothing heard is unknown, and keeps what was believed', () => {
  expect(judge({ connected: false, reported: null })).toMatchObject({ status: 'Unknown', reason: 'NotReported' });
  const before = judge({});
  expect(judge({ connected: false, reported: null }, before)).toEqual(before);
});

test('any claims: judged twice, the same is said; nothing grows; liars and only liars are flagged', () => {
  const text = fc.constantFrom('a', 'b', 'c');
  const claims = fc.record({
    connected: fc.boolean(), uid: fc.constant('u'), declared: fc.dictionary(text, text, { noNullPrototype: true }), reported: fc.option(fc.dictionary(text, text, { noNullPrototype: true })),
    sameUid: fc.uniqueArray(fc.record({ name: fc.constantFrom('x', 'y', 'z'), connected: fc.boolean() }), { selector: ({ name }) => name }), formerNames: fc.subarray(['m', 'n']), refused: fc.option(fc.constant('why')),
  });
  fc.assert(fc.property(fc.array(claims, { minLength: 1, maxLength: 6 }), (steps) => {
    let earlier: ConditionUpdate | undefined;
    for (const claim of steps) {
      const next = judgeClaims(claim, earlier);
      expect(judgeClaims(claim, next)).toEqual(next);
      expect(next.message.length).toBeLessThan(1500);
      if (claim.refused !== null) expect(next.status).toBe('False');
      if (claim.connected && claim.sameUid.some(({ connected }) => connected)) expect(next.reason).toBe('DuplicateUid');
      if (claim.reported !== null && claim.refused === null && claim.sameUid.length === 0 && Object.entries(claim.reported).every(([name, value]) => (claim.declared[name] ?? value) === value)) expect(next.status).toBe('True');
      earlier = next;
    }
  }));
});
