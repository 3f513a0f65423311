import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { provideAssets } from './assets.ts';

const folder = mkdtempSync(join(tmpdir(), 'isthmus-assets-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('without assets and without Go one sentence says what to set', async () => {
  const found = await provideAssets(() => {}, { PATH: folder, ISTHMUS_ASSETS_DIR: folder });
  expect(found).toEqual({ problem: expect.stringContaining('set KUBEBUILDER_ASSETS') });
});

test('a folder that lacks a server is named with what it lacks, and nothing is built', async () => {
  writeFileSync(join(folder, 'etcd'), '');
  const found = await provideAssets(() => {}, { ...process.env, KUBEBUILDER_ASSETS: folder, ISTHMUS_ASSETS_DIR: folder });
  expect(found).toEqual({ problem: expect.stringContaining(`${folder} lacks kube-apiserver`) });
});

test('a build that fails is told with its last lines, and leaves nothing behind', async () => {
  const parent = mkdtempSync(join(folder, 'broken-'));
  writeFileSync(join(parent, 'go'), '#!/bin/sh\necho no space left on device >&2\nexit 1\n', { mode: 0o755 });
  const found = await provideAssets(() => {}, { PATH: parent, ISTHMUS_ASSETS_DIR: parent });
  expect(found).toEqual({ problem: expect.stringMatching(/failed after \d+ s: no space left on device; set KUBEBUILDER_ASSETS/) });
});
