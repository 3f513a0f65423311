import { expect, test } from 'vitest';
import { argoSecretHost, argoSecretNames, normalEndpoint } from './endpoint.ts';

test.each([
  ['https://API.berlin.example.com:6443/', 'https://api.berlin.example.com:6443'],
  ['https://api.berlin.example.com:443', 'https://api.berlin.example.com'],
  ['https://192.0.2.1:0443', 'https://192.0.2.1'],
  ['https://[2001:DB8::1]:6443', 'https://[2001:db8::1]:6443'],
  ['https://a', 'https://a'],
  ['http://api.berlin.example.com', undefined],
  ['https://user@api.berlin.example.com', undefined],
  ["https://a'$(reboot)", undefined],
  ['https://a/path', undefined],
  ['https://', undefined],
  ['', undefined],
])('%j is %j', (url, expected) => expect(normalEndpoint(url)).toBe(expected));

test('a Secret of Argo CD is known by its name', () => {
  // FNV-1a of "https://kubernetes.default.svc", as Argo CD's own documentation and tests have it.
  expect(argoSecretNames('https://kubernetes.default.svc')).toContain('cluster-kubernetes.default.svc-3396314289');
  expect(argoSecretNames('https://10.0.0.1:6443')).toHaveLength(2);
  expect(argoSecretNames('https://[2001:db8::1]:6443')).toEqual([]);
  expect(argoSecretHost('cluster-10.0.0.1-123')).toBe('10.0.0.1');
  expect(argoSecretHost('berlin')).toBeUndefined();
});
