import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { CiliumFacts } from '../model/cluster.ts';
import type { PeeringState } from '../model/desired.ts';
import { hostAliasesOf, isOpen, valueFindings, valuesOf } from './values.ts';

const goldens = new URL('goldens/', import.meta.url);
const versions = readdirSync(goldens).filter((name) => /^\d/.test(name));

const peeringOf = (ciliumVersion: string, over: Partial<PeeringState> = {}): PeeringState => ({
  clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 511, ciliumVersion, namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster',
  peers: [{ name: 'oslo', clusterId: 2, endpoint: { address: 'oslo.example.com', port: 2379 } }], readers: ['oslo', 'paris'], ...over,
});
const factsOf = (version: string, over: Partial<CiliumFacts> = {}): CiliumFacts => ({
  version, clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 511, podCidrs: [], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster', ...over,
});

interface Golden {
  readonly values: unknown;
  /** Mesh objects that the chart writes. */
  readonly objects: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly config: Readonly<Record<string, string>>;
  /** Workloads whose pods are others than with the value that was there before, by path. */
  readonly rolls: Readonly<Record<string, readonly string[]>>;
}

describe.each(versions)('the chart of Cilium %s, given our values,', (version) => {
  const golden = JSON.parse(readFileSync(new URL(`${version}/our-values.json`, goldens), 'utf8')) as Golden;
  const findings = valueFindings(factsOf(version), peeringOf(version));

  test('was rendered with these', () => { expect(golden.values).toEqual(JSON.parse(JSON.stringify(valuesOf(findings)))); });

  test('writes no certificate and no peer, and of the users exactly ours', () => {
    const minor = Number(version.split('.')[1]);
    const own = minor === 16 ? '- name: remote-berlin\n  role: remote\n' : '';
    const users = { 'clustermesh-remote-users': { 'users.yaml': `users:\n${own}- name: remote-oslo\n  role: remote\n- name: remote-paris\n  role: remote\n` } };
    expect(golden.objects).toEqual(minor <= 18 ? users : {});
    expect(golden.config).toEqual({ 'cluster-name': 'berlin', 'cluster-id': '1', 'max-connected-clusters': '511' });
  });

  test('restarts the pods that we say', () => {
    for (const { path, restarts } of findings) {
      const rolled = golden.rolls[path];
      if (rolled !== undefined) expect([path, rolled.filter((workload) => !restarts.includes(workload))]).toEqual([path, []]);
    }
    expect(golden.rolls).toMatchObject({ 'clustermesh.config.enabled': ['Deployment clustermesh-apiserver'], 'clustermesh.apiserver.tls.auto.enabled': [], 'clustermesh.apiserver.tls.authMode': ['Deployment clustermesh-apiserver'] });
  });
});

test('what a cluster tells is compared; the rest is known once the values of the release are given', () => {
  const open = (given?: Parameters<typeof valueFindings>[2], over: Partial<CiliumFacts> = {}) => valueFindings(factsOf('1.20.0', over), peeringOf('1.20.0'), given).filter(isOpen).map(({ path, have, want }) => [path, have, want]);
  expect(open(undefined, { clusterId: 0, authMode: 'migration' })).toEqual([
    ['cluster.id', 0, 1], ['clustermesh.useAPIServer', undefined, true], ['clustermesh.config.enabled', undefined, false], ['clustermesh.apiserver.tls.authMode', 'migration', 'cluster'], ['clustermesh.apiserver.tls.auto.enabled', undefined, false],
  ]);
  expect(open({ clustermesh: { useAPIServer: true } })).toEqual([['clustermesh.apiserver.tls.auto.enabled', true, false]]);
  expect(open(valuesOf(valueFindings(factsOf('1.20.0'), peeringOf('1.20.0'))))).toEqual([]);
});

describe('addresses', () => {
  const byAddress = { peers: [{ name: 'oslo', clusterId: 2, endpoint: { ips: ['10.1.0.5', 'fd00::5'], port: 32379 } }] };
  test('need host aliases before 1.20; names do not', () => {
    const old = peeringOf('1.19.6', byAddress);
    expect(hostAliasesOf(old)).toEqual({ workload: 'Deployment clustermesh-apiserver', aliases: [{ ip: '10.1.0.5', hostnames: ['oslo.mesh.cilium.io'] }, { ip: 'fd00::5', hostnames: ['oslo.mesh.cilium.io'] }] });
    expect(hostAliasesOf({ ...old, kvstoreMesh: false })?.workload).toBe('DaemonSet cilium');
    expect(hostAliasesOf(peeringOf('1.19.6'))).toBeUndefined();
    expect(hostAliasesOf(peeringOf('1.20.0', byAddress))).toBeUndefined();
  });
});
