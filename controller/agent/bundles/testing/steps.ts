/** Steps and parts that tests of bundles share. */
import { onTestFinished } from 'vitest';
import { ConfigMap, type ConfigMapObject } from '../../../../mesh/api/resources/core.ts';
import { manifest } from '../../../../mesh/bundle/testing/contents.ts';
import type { BundlePart } from '../../../../mesh/model/bundle.ts';
import type { KubernetesObject } from '../../../../mesh/ports/kubernetes.ts';
import { createScene, HelmRelease, type Scene } from './scene.ts';

const never = new AbortController().signal;

/** An agent that is stopped after the test. */
export function started(...config: Parameters<Scene['start']>): Scene {
  const scene = createScene();
  onTestFinished(() => scene.stop());
  scene.start(...config);
  return scene;
}

export const deployment = (name: string, replicas = 1) => ({ ...manifest('Deployment', name, 'shop', 'apps/v1'), spec: { replicas } });
export const hook = (name = 'migrate', timeoutSeconds = 60, part = 'hook'): BundlePart => ({ name: part, hook: { job: { ...manifest('Job', name, 'shop', 'batch/v1'), spec: { ttlSecondsAfterFinished: 0 } }, timeoutSeconds } });
export const values = (given: Readonly<Record<string, unknown>>): BundlePart => ({ name: 'release', values: { target: 'HelmRelease', namespace: 'kube-system', name: 'cilium', values: given } });
export const release = (scene: Scene, spec = {}): Promise<KubernetesObject> => scene.kubernetes.create(HelmRelease, { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', metadata: { namespace: 'kube-system', name: 'cilium' }, spec: { interval: '5m', ...spec } } as KubernetesObject, { fieldManager: 'flux' }, never);
export const edit = (scene: Scene, data: Readonly<Record<string, string | null>>, name = 'settings'): Promise<KubernetesObject> => scene.kubernetes.patch(ConfigMap, { namespace: 'shop', name }, { data }, { type: 'merge', fieldManager: 'kubectl-edit' }, never);
export const dataOf = async (scene: Scene, name = 'settings') => (await scene.read<ConfigMapObject>(ConfigMap, name))?.data;
