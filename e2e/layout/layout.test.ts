/** Proves that the layout checks see the tree, and that each of their rules can fail: every rule gets a planted violation. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const bin = (name: string): string => join(root, 'node_modules', '.bin', name);

/** Standard output whatever the exit status: these tools exit non-zero when they find something. */
async function output(program: string, parameters: readonly string[], cwd: string): Promise<string> {
  try {
    return (await run(bin(program), [...parameters], { cwd, maxBuffer: 64 << 20 })).stdout;
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

interface Report { readonly summary: { readonly totalCruised: number; readonly violations: readonly { readonly from: string; readonly to: string; readonly rule: { readonly name: string } }[] } }
const cruise = async (cwd: string): Promise<Report['summary']> =>
  (JSON.parse(await output('depcruise', ['--output-type', 'json', '--config', '.dependency-cruiser.cjs', 'mesh', 'certs', 'controller', 'e2e'], cwd)) as Report).summary;

test('the real tree obeys the import directions, and the checker saw it', async () => {
  const summary = await cruise(root);
  expect(summary.totalCruised).toBeGreaterThan(80);
  expect(summary.violations.map((violation) => `${violation.rule.name}: ${violation.from} -> ${violation.to}`)).toEqual([]);
});

/** Rule → the file that breaks it. Imported files are empty modules. */
const planted: Readonly<Record<string, readonly [file: string, imported: string]>> = {
  'no-cycles': ['mesh/model/one.ts', './two.ts'],
  'imports-resolve': ['mesh/model/lost.ts', './nowhere.ts'],
  'mesh-model-imports-itself': ['mesh/model/bad.ts', '../ports/clock.ts'],
  'mesh-model-cel-imports': ['mesh/model/cel.ts', '@bufbuild/protobuf'],
  'mesh-decisions-import-model': ['mesh/bundle/bad.ts', '../rollout/decide.ts'],
  'mesh-windows-imports': ['mesh/rollout/windows/bad.ts', '../../plan/plan.ts'],
  'recurrence-only-in-windows': ['controller/cli/window.ts', 'rrule-temporal'],
  'mesh-ports-import-model': ['mesh/ports/bad.ts', '../plan/plan.ts'],
  'mesh-api-imports': ['mesh/api/bad.ts', '../plan/plan.ts'],
  'certs-imports': ['certs/bad.ts', '../controller/runtime/queue.ts'],
  'runtime-has-no-edges': ['controller/runtime/bad.ts', 'node:fs'],
  'hub-and-agent-shells': ['controller/hub/bad.ts', '../adapters/clock.ts'],
  'hub-not-agent': ['controller/hub/worse.ts', '../agent/wiring.ts'],
  'agent-not-hub': ['controller/agent/worse.ts', '../hub/wiring.ts'],
  'edges-only-in-adapters': ['controller/agent/bad.ts', 'node:net'],
  'client-libraries-only-in-adapters': ['controller/cli/bad.ts', '@grpc/grpc-js'],
  'nothing-imports-e2e': ['controller/demo/bad.ts', '../../e2e/sim/clock.ts'],
  'product-imports-no-tests': ['controller/cli/worse.ts', '../runtime/testing/clock.ts'],
};

describe('planted violations', () => {
  let folder: string;
  let found: Set<string>;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-layout-'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    cpSync(join(root, '.dependency-cruiser.cjs'), join(folder, '.dependency-cruiser.cjs'));
    for (const name of ['mesh', 'certs', 'controller', 'e2e']) mkdirSync(join(folder, name));
    const write = (file: string, text: string): void => {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    };
    for (const [file, imported] of Object.values(planted)) {
      if (imported.startsWith('.') && !imported.includes('nowhere')) write(join(dirname(file), imported), 'export const value = 1;\n');
    }
    for (const [file, imported] of Object.values(planted)) write(file, `import type * as planted from '${imported}';\nexport type Planted = typeof planted;\n`);
    write('mesh/model/two.ts', 'import \'./one.ts\';\n');
    found = new Set((await cruise(folder)).violations.map((violation) => `${violation.rule.name}: ${violation.from}`));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('every rule of the configuration has one', () => {
    const configuration = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs')) as { forbidden: readonly { name: string }[] };
    expect(configuration.forbidden.map((rule) => rule.name).sort()).toEqual(Object.keys(planted).sort());
  });

  test.each(Object.entries(planted))('%s is found', (rule, [file]) => {
    const places = rule === 'no-cycles' ? ['mesh/model/one.ts', 'mesh/model/two.ts'] : [file];
    expect(places.some((place) => found.has(`${rule}: ${place}`)), [...found].join('\n')).toBe(true);
  });
});

describe('purity', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'isthmus-purity-'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const name of ['tsconfig.base.json', '.oxlintrc.json', 'mesh/tsconfig.json']) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      cpSync(join(root, name), join(folder, name));
    }
    mkdirSync(join(folder, 'mesh/plan'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(['setTimeout(() => undefined, 1)', 'process.exit(1)', 'fetch("http://localhost")', 'Buffer.from("a")', 'performance.now()', 'require("fs")'])('mesh/ does not compile with %s', async (expression) => {
    writeFileSync(join(folder, 'mesh/plan/bad.ts'), `export const bad = ${expression};\n`);
    expect(await output('tsc', ['-p', 'mesh', '--noEmit', '--composite', 'false', '--incremental', 'false', '--emitDeclarationOnly', 'false'], folder)).toMatch(/bad\.ts.*error TS(2304|2580|2591|2584|2552)/);
  });

  test.each(['Date.now()', 'new Date()', 'Math.random()', 'Temporal.Now.instant()'])('lint refuses %s in mesh/ and in shells', async (expression) => {
    for (const place of ['mesh/plan', 'controller/hub', 'controller/runtime']) {
      mkdirSync(join(folder, place), { recursive: true });
      writeFileSync(join(folder, place, 'bad.ts'), `export const bad = ${expression};\n`);
      expect(await output('oxlint', [place], folder)).toMatch(/no-restricted-(globals|properties)/);
    }
  });
});
