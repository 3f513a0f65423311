import fc from 'fast-check';
import { expect, test } from 'vitest';
import { discover, type FoundCluster, type KnownCluster, plainText } from './discovered.ts';
import { argoSecretNames } from './endpoint.ts';

const UIDS = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const;
const known = (name: string, uid: string | null = null, endpoint: string | null = null): KnownCluster => ({ name, uid, endpoint, joined: true });
const found = (name: string, more: Partial<FoundCluster> = {}): FoundCluster =>
  ({ source: 'Cluster API', name, object: `clusters fleet/${name}`, manager: null, kubernetesVersion: null, phase: null, endpoint: null, detail: null, ids: [], secretName: null, ...more });
const joined = (ones: readonly FoundCluster[], clusters: readonly KnownCluster[]): readonly string[] =>
  discover(ones, clusters).map(({ name, cluster }) => `${name}: ${cluster === null ? '-' : `${cluster.name} by ${cluster.by}`}`);

test('a uid says more than a name', () => {
  const clusters = [known('berlin', UIDS[0]), known('oslo', UIDS[1])];
  expect(joined([found('berlin', { ids: [UIDS[1]] })], clusters)).toEqual(['berlin: oslo by uid']);
  expect(joined([found('berlin', { ids: ['33333333-3333-4333-8333-333333333333'] })], clusters), 'another cluster of the same name').toEqual(['berlin: -']);
  expect(joined([found('x', { ids: ['berlin'] })], clusters), 'an id in the cluster set is our name').toEqual(['x: berlin by name']);
  expect(joined([found('x', { ids: [UIDS[0]] })], [known('a', UIDS[0]), known('b', UIDS[0])]), 'a uid that two clusters claim tells nothing').toEqual(['x: -']);
});

test('an endpoint is carried from one inventory to the next', () => {
  const endpoint = 'https://api.berlin.example.com:6443';
  const capi = found('berlin', { endpoint: 'https://API.berlin.example.com:6443/' });
  const secret = found('api.berlin.example.com', { source: 'Argo CD', secretName: argoSecretNames(endpoint)[0] ?? '' });
  expect(joined([secret, capi], [known('berlin')])).toEqual(['api.berlin.example.com: berlin by endpoint', 'berlin: berlin by name']);
  expect(joined([secret], [known('b', null, endpoint)])).toEqual(['api.berlin.example.com: b by endpoint']);
  expect(joined([found('oslo', { endpoint })], [known('oslo'), known('berlin', null, endpoint)]), 'a declared endpoint says more than a name').toEqual(['oslo: berlin by endpoint']);
  expect(joined([found('x', { endpoint })], [known('a', null, endpoint), known('b', null, endpoint)]), 'an endpoint of two clusters tells nothing').toEqual(['x: -']);
});

test('the command to join takes a free name that Cilium takes, too', () => {
  const join = (name: string, more: Partial<FoundCluster> = {}, clusters: readonly KnownCluster[] = []): string | null | undefined => discover([found(name, more)], clusters)[0]?.join;
  expect(join('berlin')).toBe('isthmus join berlin');
  expect(join('Prod_EU.West 1')).toBe('isthmus join prod-eu-west-1');
  expect(join('default')).toBe('isthmus join default-2');
  expect(join('berlin', { ids: [UIDS[0]] }, [known('berlin', UIDS[1])])).toBe('isthmus join berlin-2');
  expect(join('berlin', { endpoint: 'https://192.0.2.1:6443' })).toBe("isthmus join berlin --property 'api-server=https://192.0.2.1:6443'");
  expect(join('berlin', { endpoint: "https://x'; reboot #" }), 'nothing of a stranger reaches a shell').toBe('isthmus join berlin');
  expect(join('berlin', {}, [known('berlin')]), 'it has joined').toBeNull();
  expect(join('berlin', {}, [{ ...known('berlin'), joined: false }]), 'it waits for its agent').toBe('isthmus join berlin');
  expect(join('***')).toBeNull();
});

test('whatever other inventories hold: every object once, commands of safe letters, names that are free', () => {
  const text = fc.oneof(fc.constantFrom('berlin', 'oslo', 'Prod EU', "x'; rm -rf /", '', 'a'.repeat(60)), fc.string({ unit: 'binary' }));
  const one = fc.record({ name: text, endpoint: fc.option(fc.oneof(text.map((host) => `https://${host}`), fc.constantFrom('https://a:6443', 'https://b'))), ids: fc.array(fc.oneof(text, fc.constantFrom(...UIDS)), { maxLength: 2 }) });
  const cluster = fc.record({ name: fc.constantFrom('berlin', 'oslo', 'rome'), uid: fc.option(fc.constantFrom(...UIDS)), endpoint: fc.option(fc.constantFrom('https://a:6443', 'https://b')), joined: fc.constant(true) });
  fc.assert(fc.property(fc.array(one, { maxLength: 8 }), fc.uniqueArray(cluster, { selector: ({ name }) => name, maxLength: 3 }), (ones, clusters) => {
    const all = discover(ones.map(({ name, ...more }) => found(name, more)), clusters);
    expect(all).toHaveLength(ones.length);
    for (const { cluster: match, join } of all) {
      if (match !== null) expect(clusters.map(({ name }) => name)).toContain(match.name);
      if (join !== null) {
        expect(match).toBeNull();
        expect(join).toMatch(/^isthmus join [a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?( --property 'api-server=https:\/\/[a-z0-9.:[\]-]+')?$/);
        expect(clusters.map(({ name }) => name)).not.toContain(join.split(' ')[2]);
      }
    }
  }));
});

test('texts of strangers change no terminal', () => {
  expect(plainText('a\u001b[31mb\u202ec\n')).toBe('a [31mb c ');
  expect(plainText('x'.repeat(1000))).toHaveLength(253);
});
