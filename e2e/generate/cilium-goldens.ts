/**
 * Writes `mesh/cilium/goldens` anew from Cilium's own charts: `node e2e/generate/cilium-goldens.ts FOLDER`, where FOLDER holds `cilium-VERSION.tgz` as
 * https://helm.cilium.io serves them (or github.com/cilium/charts). Helm comes from $KUBEBUILDER_ASSETS, else from the path. No part of `npm run generate`: the charts are not ours.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';

interface Rendered { readonly kind?: string; readonly metadata?: { readonly name?: string }; readonly data?: Readonly<Record<string, string>> | null }

const OBJECTS = ['cilium-clustermesh', 'cilium-kvstoremesh', 'clustermesh-remote-users'];
const ROOT = resolve(import.meta.dirname, '../../mesh/cilium/goldens');
const FOLDERS = ['values', 'values-foreign'];
const assets = process.env['KUBEBUILDER_ASSETS'];
const helm = assets === undefined ? 'helm' : join(assets, 'helm');

const decode = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

/** Decoded data by name of the object; undefined: this chart refuses the values. */
function objectsOf(chart: string, values: string): ReadonlyMap<string, Readonly<Record<string, string>>> | undefined {
  let text: string;
  try {
    text = execFileSync(helm, ['template', 'cilium', chart, '-n', 'kube-system', '--kube-version', '1.33.0', '-f', values], { encoding: 'utf8', maxBuffer: 64 << 20, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    console.error(`${chart} ${values}: ${String((error as { stderr?: unknown }).stderr).trim().split('\n').at(-1) ?? ''}`);
    return undefined;
  }
  const found = parseAllDocuments(text).map((document) => document.toJS() as Rendered | null).filter((object) => object !== null);
  return new Map(found.flatMap(({ kind, metadata, data }) => (metadata?.name === undefined || !OBJECTS.includes(metadata.name) ? []
    : [[metadata.name, Object.fromEntries(Object.entries(data ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, kind === 'Secret' ? decode(value) : value]))] as const])));
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
  }
  console.log(`goldens of ${versions.join(', ')} written to ${ROOT}`);
}

if (import.meta.main) main(resolve(process.argv[2] ?? '.'));
