import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { constrainable, constraintsFor, decodeConstraints, encodeConstraints, permitsHost, permitsUri } from './constraints.ts';
import * as der from './der.ts';

describe('an issuing CA', () => {
  test('may sign for what Cilium and the hub need, below the names given, and for nothing else', () => {
    const constraints = constraintsFor('mesh.example', ['hub.example', '[2001:db8::7]', '10.1.2.3', 'not a host', 'hub.example.'])!;
    expect(constraints.dnsNames).toEqual(['svc', 'mesh.cilium.io', 'localhost', 'hub.example']);
    for (const host of ['clustermesh-apiserver.kube-system.svc', 'clustermesh-apiserver.any.svc', 'berlin.mesh.cilium.io', 'localhost', 'hub.example', 'HUB.example', '127.0.0.1', '::1', '2001:db8::7', '[2001:db8::7]', '10.1.2.3']) expect([host, permitsHost(constraints, host)]).toEqual([host, true]);
    for (const host of ['hub.example.com', 'xhub.example', 'cilium.io', 'xsvc', '10.1.2.4', '127.0.0.2', '::2', '2001:db8::8']) expect([host, permitsHost(constraints, host)]).toEqual([host, false]);
    for (const uri of ['spiffe://mesh.example/hub', 'spiffe://MESH.example/x']) expect(permitsUri(constraints, uri)).toBe(true);
    for (const uri of ['spiffe://mesh.example.com/hub', 'spiffe://a.mesh.example/hub', 'mesh.example', 'spiffe:///mesh.example']) expect(permitsUri(constraints, uri)).toBe(false);
  });
  test('of unknown hosts binds URIs alone; of a trust domain that no verifier can bind, nothing', () => {
    expect(constraintsFor('mesh.example', undefined)).toEqual({ uriHosts: ['mesh.example'] });
    expect(permitsHost({ uriHosts: ['mesh.example'] }, 'any.example')).toBe(true);
    for (const domain of ['10.0.0.1', 'a..b', '.a', 'a.', '7']) expect([domain, constrainable(domain), constraintsFor(domain, undefined)]).toEqual([domain, false, undefined]);
    for (const domain of ['isthmus.local', 'a', 'a_b.c-d', '1.a']) expect([domain, constrainable(domain)]).toEqual([domain, true]);
  });
});

test('what is written is read again, whatever it is', () => {
  const label = fc.stringMatching(/^[a-z0-9-]{1,12}$/);
  const range = fc.oneof(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.uint8Array({ minLength: 32, maxLength: 32 }));
  const some = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(fc.record({ uriHosts: some(label), dnsNames: some(label), ranges: some(range) }), (constraints) => {
    expect(decodeConstraints(der.decode(der.encode(encodeConstraints(constraints))))).toEqual(constraints);
  }));
});

test('what others constrain in a way that is not understood is refused, not ignored', () => {
  const dns = der.sequence(der.tagged(2, Buffer.from('a')));
  const cases = { 'excludes names': der.sequence(der.tagged(1, [dns])), 'excludes names, too': der.sequence(der.tagged(0, [dns]), der.tagged(1, [dns])), nothing: der.sequence(), depth: der.sequence(der.tagged(0, [der.sequence(der.tagged(2, Buffer.from('a')), der.tagged(0, Uint8Array.of(1)))])) };
  for (const [name, value] of Object.entries(cases)) expect(() => decodeConstraints(value), name).toThrow(/excludes names|depth/);
  // Kinds of names that our leaves do not have.
  expect(decodeConstraints(der.sequence(der.tagged(0, [der.sequence(der.tagged(1, Buffer.from('mail.example'))), dns])))).toEqual({ dnsNames: ['a'] });
});
