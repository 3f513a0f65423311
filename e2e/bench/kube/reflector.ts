/** Our cache beside @kubernetes/client-node's informer: time and heap of a sync, connections, and the delay of changes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangeFigures, SyncFigures } from './cache-process.ts';
import { type Child, startChild } from './child.ts';
import { startRelay } from './relay.ts';
import type { BenchServer } from './servers.ts';
import type { WriterFigures } from './writer-process.ts';

const SUBJECTS = ['ours', 'informer'] as const;
type SubjectName = (typeof SUBJECTS)[number];

const file = (name: string): string => join(import.meta.dirname, name);

export interface ReflectorOptions {
  /** Of objects that are there, read one after another and changed. */
  readonly names: readonly string[];
  /** 0: the connections are not broken. */
  readonly breaks: number;
  readonly updates: { readonly perSecond: number; readonly seconds: number } | undefined;
}

export interface ReflectorFigures {
  readonly sync: SyncFigures;
  /** TLS connections opened: until synced with a watch open, by the reads, by the breaks. */
  readonly connections: { readonly sync: number; readonly reads: number; readonly breaks: number };
  readonly changes: (ChangeFigures & { readonly writer: WriterFigures }) | undefined;
}

interface Running { readonly relay: Awaited<ReturnType<typeof startRelay>>; readonly subject: Child; stop(): Promise<void> }

/** One after the other, in the order of `SUBJECTS`; the processes are all up before the first is measured, and idle while another is. */
export async function measureReflectors(server: BenchServer, { names, breaks, updates }: ReflectorOptions): Promise<readonly ReflectorFigures[]> {
  const writer = startChild(file('writer-process.ts'), [JSON.stringify(server)]);
  const running: Running[] = [];
  try {
    running.push(...await Promise.all(SUBJECTS.map((which) => startSubject(server, which))));
    await Promise.all([writer, ...running.map(({ subject }) => subject)].map((child) => child.ask({ ask: 'ready' })));
    const figures: ReflectorFigures[] = [];
    for (const { relay, subject, stop } of running) {
      const sync = await subject.ask<SyncFigures>({ ask: 'sync' });
      await sleep(200);
      const opened = { sync: relay.takeCount(), reads: 0, breaks: 0 };
      await subject.ask({ ask: 'read', names });
      opened.reads = relay.takeCount();
      for (let index = 0; index < breaks; index += 1) {
        relay.reset();
        await sleep(1500);
      }
      opened.breaks = relay.takeCount();
      figures.push({ sync, connections: opened, changes: updates === undefined ? undefined : await measureChanges(writer, subject, names, updates) });
      await stop();
    }
    return figures;
  } finally {
    for (const { stop } of running) await stop();
    await writer.stop();
  }
}

async function startSubject(server: BenchServer, which: SubjectName): Promise<Running> {
  const relay = await startRelay(server);
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-bench-'));
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigText(server, relay.url), { mode: 0o600 });
  const subject = startChild(file('cache-process.ts'), [which, kubeconfig]);
  let stopped: Promise<void> | undefined;
  const stopAll = async (): Promise<void> => {
    await subject.stop();
    await relay.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { relay, subject, stop: () => (stopped ??= stopAll()) };
}

async function measureChanges(writer: Child, subject: Child, names: readonly string[], updates: { readonly perSecond: number; readonly seconds: number }): Promise<ChangeFigures & { readonly writer: WriterFigures }> {
  await writer.ask({ ask: 'write', ...updates, seconds: Math.min(1, updates.seconds), names });
  await subject.ask({ ask: 'begin' });
  const written = await writer.ask<WriterFigures>({ ask: 'write', ...updates, names });
  await sleep(200);
  return { ...await subject.ask<ChangeFigures>({ ask: 'end' }), writer: written };
}

function kubeconfigText(server: BenchServer, url: string): string {
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'bench',
    clusters: [{ name: 'bench', cluster: { server: url, 'certificate-authority-data': Buffer.from(server.certificateAuthorityPem).toString('base64') } }],
    users: [{ name: 'bench', user: { token: server.token } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
  });
}
