/** Where definitions cannot be made, it is said why; a half-made folder is never used. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { prepareUpstream, upstreamFolder } from './prepare.ts';

describe('other projects\' definitions', () => {
  let place: string;
  let said: string[];
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'isthmus-upstream-'));
    said = [];
  });
  afterEach(() => rmSync(place, { recursive: true, force: true }));
  const environment = (): Readonly<Record<string, string>> => ({ ISTHMUS_UPSTREAM_DIR: join(place, 'made'), PATH: join(place, 'bin') });
  const prepare = (more: Readonly<Record<string, string>> = {}): Promise<string | undefined> => prepareUpstream((text) => { said.push(text); }, { ...environment(), ...more });
  /** A program that is called as Go is. */
  function installGo(script: string): void {
    mkdirSync(join(place, 'bin'));
    writeFileSync(join(place, 'bin', 'go'), `#!/bin/sh\necho "$1 $2" >> '${join(place, 'calls')}'\n${script}\n`);
    chmodSync(join(place, 'bin', 'go'), 0o755);
  }
  const calls = (): readonly string[] => readFileSync(join(place, 'calls'), 'utf8').trim().split('\n');

  test('without Go', async () => {
    expect(await prepare()).toMatch(/^there is no Go here .* set ISTHMUS_UPSTREAM_DEFINITIONS/);
    expect(said).toEqual([]);
  });

  test('without the modules: tried twice, and nothing is left', async () => {
    installGo('echo "module lookup disabled" >&2; exit 1');
    expect(await prepare()).toMatch(/^go run \. failed: module lookup disabled; install Go/);
    expect(calls()).toEqual(['run .', 'run .']);
    expect(said).toContainEqual('go run . failed: module lookup disabled; once more');
    expect(readdirSync(dirname(upstreamFolder(environment())))).toEqual([]);
  });

  test('a generator that leaves one out', async () => {
    installGo('case "$1" in run) touch "$3/multicluster.x-k8s.io_serviceexports.yaml";; esac');
    expect(await prepare()).toContain('cluster.x-k8s.io_clusters.yaml');
    expect(existsSync(upstreamFolder(environment()))).toBe(false);
  });

  test('a folder that is named is used without them, and it is said', async () => {
    expect(await prepare({ ISTHMUS_UPSTREAM_DEFINITIONS: place })).toBeUndefined();
    expect(said).toEqual([expect.stringMatching(/^only what ISTHMUS_UPSTREAM_DEFINITIONS names is used: there is no Go/)]);
  });

  test('made once, and anew where a file was removed', async () => {
    installGo([
      'for last; do :; done; folder="${last#output:dir=}"',
      'for name in cluster.x-k8s.io_clusters helm.toolkit.fluxcd.io_helmreleases kustomize.toolkit.fluxcd.io_kustomizations multicluster.x-k8s.io_serviceexports multicluster.x-k8s.io_serviceimports surplus; do echo "kind: $name" > "$folder/$name.yaml"; done',
    ].join('\n'));
    expect(await prepare()).toBeUndefined();
    expect(readdirSync(upstreamFolder(environment()))).toHaveLength(5);
    expect(await prepare()).toBeUndefined();
    expect(calls()).toEqual(['run .', 'tool controller-gen']);
    rmSync(join(upstreamFolder(environment()), 'cluster.x-k8s.io_clusters.yaml'));
    expect(await prepare()).toBeUndefined();
    expect(readdirSync(upstreamFolder(environment()))).toHaveLength(5);
  });
});
