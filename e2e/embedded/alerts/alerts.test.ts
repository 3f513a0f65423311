/** The alert rules of the hub's chart: they ask for metrics that hub and agent really have, and for a page that is there; and Prometheus makes of them what it should. */
import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runHub } from '../../../controller/hub/main.ts';
import { freePorts } from '../../kube/free-ports.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const RULES = join(ROOT, 'charts/isthmus-hub/files/alerts/isthmus.rules.yaml');
const PAGE = 'docs/reference/alerts.md';

interface Rule { readonly alert: string; readonly expr: string; readonly labels: { readonly severity: string }; readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string } }
const { groups } = parse(readFileSync(RULES, 'utf8')) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

/** kubelet's, of every cluster. */
const OF_OTHERS = ['kubelet_volume_stats_available_bytes', 'kubelet_volume_stats_capacity_bytes'];
/** Only replicas have it; its name is client-go's. */
const OF_ELECTIONS = 'leader_election_master_status';

/** Names in an expression: what stands before braces or a comparison, not after `by`. */
const namesIn = (expression: string): readonly string[] => [...new Set(expression.replaceAll(/\{[^}]*\}/g, '').replaceAll(/\bby \([^)]*\)/g, '').match(/\b[a-z]+(_[a-z]+){2,}\b/g) ?? [])];

/** What a hub with an API of its own tells at its metrics' address. */
async function metricsOfAHub(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-alerts-'));
  const stop = new AbortController();
  const [port] = await freePorts(1);
  const running = runHub({
    embedded: true, apiListen: '127.0.0.1:0', dataDir: folder, namespace: 'isthmus-system', trustDomain: 'test', listen: '127.0.0.1:0', advertise: '', healthListen: `127.0.0.1:${port}`, logLevel: 'silent',
    clusterProfiles: false, discover: false, argocdNamespace: [],
  }, stop.signal);
  try {
    const ask = (path: string): Promise<Response | undefined> => fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
    for (const deadline = Date.now() + 60_000; (await ask('/readyz'))?.status !== 200;) {
      if (Date.now() > deadline) throw new Error('the hub does not become ready');
      await sleep(50);
    }
    return await (await ask('/metrics'))!.text();
  } finally {
    stop.abort();
    await running;
    rmSync(folder, { recursive: true, force: true });
  }
}

const sources = (folder: string): readonly string[] => readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')).map((file) => readFileSync(join(ROOT, folder, file), 'utf8'));

/** Metrics whose part of the program does not run in a hub with nothing to tell and nobody to elect, by the sentence that makes them. */
function declared(folder: string): readonly string[] {
  return sources(folder).flatMap((text) => [...text.matchAll(/metrics\.(?:gauge|counter|histogram)\('([a-z_]+)'/g)].map((match) => match[1]!));
}

/** What an expression compares labels of our own metrics with. */
const valuesIn = (expression: string): readonly string[] =>
  [...expression.matchAll(/\b(?:isthmus|leader_election)_[a-z_]+\{([^}]*)\}/g)].flatMap(([, matchers]) => [...matchers!.matchAll(/"([^"]*)"/g)].flatMap(([, value]) => value!.split('|')));

test('every value that a rule asks for is a word of the hub', () => {
  const said = ['controller/hub', 'mesh/model', 'mesh/inventory', 'mesh/api'].flatMap(sources).join('\n');
  const asked = rules.flatMap(({ alert, expr }) => valuesIn(expr).map((value) => ({ alert, value })));
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.filter(({ value }) => !said.includes(`'${value}'`))).toEqual([]);
});

test('every metric of a rule is one that a hub or an agent tells', async () => {
  const told = await metricsOfAHub();
  expect(told).toContain('\nisthmus_hub_ready 1\n');
  const known = new Set([...told.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]!));
  const elsewhere = new Set([...declared('controller/agent'), ...declared('controller/runtime').filter((name) => name === OF_ELECTIONS), ...declared('controller/hub/notices').filter((name) => name.startsWith('isthmus_hub_notification'))]);
  const asked = rules.flatMap(({ alert, expr }) => namesIn(expr).map((name) => ({ alert, name })));
  expect(asked.length).toBeGreaterThanOrEqual(rules.length);
  expect(asked.filter(({ name }) => !known.has(name) && !elsewhere.has(name) && !OF_OTHERS.includes(name))).toEqual([]);
});

test('each rule says what is so and what follows, and names a section of a page that is there', () => {
  const sections = new Set([...readFileSync(join(ROOT, PAGE), 'utf8').matchAll(/^#+ (.+)$/gm)].map((match) => match[1]!.toLowerCase().replaceAll(' ', '-')));
  for (const { alert, labels, annotations } of rules) {
    expect(annotations.runbook_url, alert).toBe(`${PAGE}#${alert.toLowerCase()}`);
    expect([...sections], alert).toContain(alert.toLowerCase());
    expect(annotations.summary, alert).toMatch(/\S{2,}/);
    expect(annotations.description, alert).toMatch(/\.$/);
    expect(['critical', 'warning', 'info'], alert).toContain(labels.severity);
  }
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
});

const promtool = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'promtool')).find((file) => { try { return readFileSync(file).length > 0; } catch { return false; } });
if (promtool === undefined) console.log('the alert rules are not tried by Prometheus: promtool (package prometheus) is not on PATH');

describe.skipIf(promtool === undefined)('promtool', () => {
  test('takes the rules, and each fires when it should and not before', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'isthmus-rules-'));
    const tests = join(folder, 'tests.yaml');
    try {
      copyFileSync(RULES, join(folder, 'isthmus.rules.yaml'));
      copyFileSync(join(import.meta.dirname, 'isthmus.rules.test.yaml'), tests);
      const said = await promisify(execFile)(promtool!, ['test', 'rules', tests]).then(({ stdout }) => stdout, (error: { readonly stdout: string; readonly stderr: string }) => `${error.stdout}${error.stderr}`);
      expect(said).toContain('SUCCESS');
      expect(said).not.toContain('FAILED');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('every alert is seen firing there', () => {
    const tests = readFileSync(join(import.meta.dirname, 'isthmus.rules.test.yaml'), 'utf8');
    expect(rules.filter(({ alert }) => !tests.includes(alert)).map(({ alert }) => alert)).toEqual([]);
  });
});
