/** A hub with three clusters and bundles of one package, for tests of bundles and channels. */
import type { BundleObject, ChannelObject } from '../../../../mesh/api/resources/bundle.ts';
import { Bundle, Channel, UpdateRun, UpdateStrategy } from '../../../../mesh/api/resources/index.ts';
import type { UpdateRunObject } from '../../../../mesh/api/resources/updates.ts';
import { bundleDigest } from '../../../../mesh/bundle/digest.ts';
import type { BundleContent, DsseSignature, SigningPolicy } from '../../../../mesh/model/bundle.ts';
import { type Bench, createBench, digest, scriptedAgent, type ScriptedAgent } from '../../testing/bench.ts';
import { applyAll } from '../../testing/three-clusters.ts';

export const QUICK = { stages: [{ name: 'all', clusters: {}, maxConcurrency: 10, soakSeconds: 0 }], progressDeadlineSeconds: 60 };
const parts = (text: string) => [{ name: 'settings', manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'shop' }, data: { text } }] }];
export const contentOf = (version: string, text = version): BundleContent => ({ schema: 1, package: 'shop', version, parts: parts(text), health: [] });
export const digestOf = (version: string, text = version): string => bundleDigest(contentOf(version, text), digest);
export const specOf = (version: string, signatures: readonly DsseSignature[] = [], text = version) => ({ package: 'shop', version, parts: parts(text), signatures });

export async function fleet(policy?: () => SigningPolicy, names = ['berlin', 'oslo', 'virginia']): Promise<{ bench: Bench; agents: Record<string, ScriptedAgent>; settle: (seconds?: number) => Promise<void> }> {
  const bench = await createBench();
  for (const name of names) await bench.join(name, { ring: name === 'berlin' ? 'staging' : 'production' });
  await bench.create(UpdateStrategy, 'quick', QUICK);
  await bench.startHub(undefined, undefined, policy);
  const agents = Object.fromEntries(names.map((name, index) => [name, scriptedAgent(name, index + 1)]));
  for (const agent of Object.values(agents)) agent.connect(bench);
  await bench.clock.advance(2000);
  return { bench, agents, settle: (seconds = 10) => applyAll(bench, Object.values(agents), seconds) };
}

export const bundleOf = (bench: Bench, name: string) => bench.get<BundleObject>(Bundle, name);
export const channelOf = (bench: Bench, name: string) => bench.get<ChannelObject>(Channel, name);
export const runs = async (bench: Bench): Promise<string[]> => (await bench.list<UpdateRunObject>(UpdateRun)).map(({ metadata, status }) => `${metadata.name} ${status?.phase}`).sort();
export const bring = (bench: Bench, run: string, bundle: object) => bench.create(UpdateRun, run, { strategyName: 'quick', bundle: 'clusters' in bundle ? bundle : { ...bundle, clusters: {}, all: true }, reason: 'test', requestedBy: 'test' });
export const held = (agent: ScriptedAgent | undefined): string[] => agent?.holds('Bundle') ?? [];
