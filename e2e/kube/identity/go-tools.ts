/** zlint, cfssl and what signs as cert-manager's CA issuer does, built once with Go from modules that pin them, into the folder where the suites keep what they build. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onPath } from '../assets.ts';

const moduleOf = (name: GoTool): string => join(import.meta.dirname, name === 'cert-manager-ca' ? 'cert-manager' : 'tools');
const PROGRAMS = { zlint: 'github.com/zmap/zlint/v3/cmd/zlint', cfssl: 'github.com/cloudflare/cfssl/cmd/cfssl', 'cert-manager-ca': '.' } as const;
const LONGEST_MILLISECONDS = 240_000;

export type GoTool = keyof typeof PROGRAMS;

/** A program's path, or a sentence that says why it cannot be had here. */
export async function goTool(name: GoTool): Promise<{ readonly path: string } | { readonly problem: string }> {
  const installed = onPath(name);
  if (installed !== undefined) return { path: installed };
  const own = moduleOf(name);
  const contents = ['go.mod', 'go.sum', ...(PROGRAMS[name] === '.' ? ['main.go'] : [])].map((file) => readFileSync(join(own, file)));
  const digest = contents.reduce((hash, content) => hash.update(content), createHash('sha256')).digest('hex').slice(0, 12);
  const folder = join(process.env['ISTHMUS_ASSETS_DIR'] ?? join(process.env['HOME'] ?? homedir(), '.cache', 'isthmus', 'assets'), `identity-tools-${digest}`);
  const path = join(folder, name);
  if (existsSync(path)) return { path };
  const go = onPath('go');
  if (go === undefined) return { problem: `${name} is not installed, and there is no Go to build it with` };
  mkdirSync(folder, { recursive: true });
  const beside = mkdtempSync(join(folder, '.building-'));
  try {
    await promisify(execFile)(go, ['build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w', '-o', join(beside, name), PROGRAMS[name]], {
      cwd: own, env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }, timeout: LONGEST_MILLISECONDS, maxBuffer: 2 ** 24,
    });
    renameSync(join(beside, name), path);
    return { path };
  } catch (error) {
    return { problem: `${name} could not be built: ${String((error as { stderr?: unknown }).stderr ?? error).trim().split('\n').slice(-3).join(' ')}` };
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}
