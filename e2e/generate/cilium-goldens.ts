/**
 * Writes `mesh/cilium/goldens` anew from Cilium's own charts: `node e2e/generate/cilium-goldens.ts FOLDER`, where FOLDER holds `cilium-VERSION.tgz` as
 * https://helm.cilium.io serves them (or github.com/cilium/charts). Helm comes from $KUBEBUILDER_ASSETS, else from the path. No part of `npm run generate`: the charts are not ours.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { type Json, valueFindings, valuesOf } from '../../mesh/cilium/values.ts';
import type { CiliumFacts } from '../../mesh/model/cluster.ts';
import type { PeeringState } from '../../mesh/model/desired.ts';

interface Rendered {
  readonly kind?: string;
  readonly metadata?: { readonly name?: string };
  readonly data?: Readonly<Record<string, string>> | null;
  readonly spec?: { readonly template?: unknown };
}

const OBJECTS = ['cilium-clustermesh', 'cilium-kvstoremesh', 'clustermesh-remote-users'];
const ROOT = resolve(import.meta.dirname, '../../mesh/cilium/goldens');
const FOLDERS = ['values', 'values-foreign'];
const assets = process.env['KUBEBUILDER_ASSETS'];
const helm = assets === undefined ? 'helm' : join(assets, 'helm');

const decode = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

/** undefined: this chart refuses the values. `input`: instead of a file. */
function rendered(chart: string, values: string, input?: string): readonly Rendered[] | undefined {
  try {
    const text = execFileSync(helm, ['template', 'cilium', chart, '-n', 'kube-system', '--kube-version', '1.33.0', '-f', values], { encoding: 'utf8', maxBuffer: 64 << 20, stdio: ['pipe', 'pipe', 'pipe'], input: input ?? '' });
    return parseAllDocuments(text).map((document) => document.toJS() as Rendered | null).filter((object) => object !== null);
  } catch (error) {
    console.error(`${chart} ${values}: ${String((error as { stderr?: unknown }).stderr).trim().split('\n').at(-1) ?? ''}`);
    return undefined;
  }
}

/** Decoded data by name of the object. */
function objectsOf(chart: string, values: string): ReadonlyMap<string, Readonly<Record<string, string>>> | undefined {
  const found = rendered(chart, values);
  return found === undefined ? undefined : new Map(found.flatMap(({ kind, metadata, data }) => (metadata?.name === undefined || !OBJECTS.includes(metadata.name) ? []
    : [[metadata.name, Object.fromEntries(Object.entries(data ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, kind === 'Secret' ? decode(value) : value]))] as const])));
}

/** What the values were before, one at a time: which pods does each restart? */
const BEFORE: Readonly<Record<string, Json>> = {
  'clustermesh.config.enabled': true, 'clustermesh.config.clusters': [], 'clustermesh.apiserver.kvstoremesh.enabled': false, 'clustermesh.apiserver.tls.authMode': 'legacy',
  'clustermesh.apiserver.tls.auto.enabled': true, 'clustermesh.apiserver.tls.enableSecrets': true,
};
const MESH_OBJECT = /^clustermesh-|^cilium-(clustermesh|kvstoremesh)$/;
const podsOf = (objects: readonly Rendered[]): ReadonlyMap<string, string> =>
  new Map(objects.flatMap(({ kind, metadata, spec }) => (kind === 'DaemonSet' || kind === 'Deployment' ? [[`${kind} ${metadata?.name ?? ''}`, JSON.stringify(spec?.template)] as const] : [])));

/** With the values that we ask for: what the chart writes, and what each of them restarts. */
function ourValues(chart: string, version: string): unknown {
  const peering: PeeringState = {
    clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 511, ciliumVersion: version, namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster',
    peers: [{ name: 'oslo', clusterId: 2, endpoint: { address: 'oslo.example.com', port: 2379 } }], readers: ['oslo', 'paris'],
  };
  const facts: CiliumFacts = { version, clusterName: 'berlin', clusterId: 1, maxConnectedClusters: 511, podCidrs: [], namespace: 'kube-system', kvstoreMesh: true, authMode: 'cluster' };
  const findings = valueFindings(facts, peering);
  const values = valuesOf(findings);
  const objects = rendered(chart, '-', stringify(values)) ?? [];
  const after = podsOf(objects);
  const config = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata?.name === 'cilium-config')?.data ?? {};
  const rolls = findings.flatMap(({ path }) => {
    const then = BEFORE[path];
    // Alone it would have the chart ask for the peers' addresses.
    if (then === undefined || (path === 'clustermesh.apiserver.tls.enableSecrets')) return [];
    const changed = findings.map((finding) => (finding.path === path ? { ...finding, want: then } : path === 'clustermesh.config.enabled' && finding.path === 'clustermesh.config.clusters' ? { ...finding, want: [] } : finding));
    const before = rendered(chart, '-', stringify(valuesOf(changed)));
    return before === undefined ? [] : [[path, [...podsOf(before)].filter(([workload, pods]) => after.get(workload) !== pods).map(([workload]) => workload).sort()]];
  });
  return {
    values,
    objects: Object.fromEntries(objects.flatMap(({ kind, metadata, data }) => ((kind === 'Secret' || kind === 'ConfigMap') && MESH_OBJECT.test(metadata?.name ?? '') ? [[metadata?.name, data ?? {}]] : []))),
    config: Object.fromEntries(['cluster-name', 'cluster-id', 'max-connected-clusters'].map((key) => [key, config[key]])),
    rolls: Object.fromEntries(rolls),
  };
}

function main(charts: string): void {
  const versions = readdirSync(charts).flatMap((file) => /^cilium-(\d+\.\d+\.\d+)\.tgz$/.exec(file)?.[1] ?? []).sort();
  for (const version of versions) {
    rmSync(join(ROOT, version), { recursive: true, force: true });
    for (const folder of FOLDERS) {
      for (const file of readdirSync(join(ROOT, folder)).sort()) {
        const objects = objectsOf(join(charts, `cilium-${version}.tgz`), join(ROOT, folder, file));
        if (objects === undefined) continue;
        const place = join(ROOT, version, file.replace('.yaml', ''));
        mkdirSync(place, { recursive: true });
        for (const [name, data] of objects) writeFileSync(join(place, `${name}.json`), `${JSON.stringify(data, null, 1)}\n`);
      }
    }
    writeFileSync(join(ROOT, version, 'our-values.json'), `${JSON.stringify(ourValues(join(charts, `cilium-${version}.tgz`), version), null, 1)}\n`);
  }
  console.log(`goldens of ${versions.join(', ')} written to ${ROOT}`);
}

if (import.meta.main) main(resolve(process.argv[2] ?? '.'));
