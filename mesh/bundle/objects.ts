/** The objects that a bundle writes, by their coordinates: what is checked, counted and kept apart. */
import type { BundleContent, BundlePart, ManifestObject, ObjectReference } from '../model/bundle.ts';
import { isObject } from './json.ts';

export interface BundleObject {
  readonly part: string;
  /** `whole`: ours alone. `fields`: somebody else's, of which we own some fields. */
  readonly how: 'whole' | 'fields';
  readonly reference: ObjectReference;
  /** Absent: `how` is `fields`. */
  readonly manifest?: ManifestObject;
  /** Where it stands in the content, for messages. */
  readonly place: string;
}

const VALUES_API = { HelmRelease: 'helm.toolkit.fluxcd.io/v2', Application: 'argoproj.io/v1alpha1', ConfigMap: 'v1' } as const;

export const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '');

/** Two with the same key are the same object, whatever version they are written in. */
export const objectKey = ({ apiVersion, kind, namespace, name }: ObjectReference): string => `${kind}.${groupOf(apiVersion)} ${namespace}/${name}`;

export const objectName = ({ kind, namespace, name }: ObjectReference): string => `${kind} ${namespace === '' ? '' : `${namespace}/`}${name}`;

/** Coordinates of a manifest; what is missing is empty. */
export function referenceOf(manifest: Readonly<Record<string, unknown>>): ObjectReference {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const metadata = isObject(manifest['metadata']) ? manifest['metadata'] : {};
  return { apiVersion: text(manifest['apiVersion']), kind: text(manifest['kind']), namespace: text(metadata['namespace']), name: text(metadata['name']) };
}

function ofPart(part: BundlePart, place: string): BundleObject[] {
  const { name, manifests, values, patch, hook } = part;
  return [
    ...(manifests ?? []).map((manifest, index): BundleObject => ({ part: name, how: 'whole', reference: referenceOf(manifest), manifest, place: `${place}.manifests[${index}]` })),
    ...(values === undefined ? [] : [{ part: name, how: 'fields', reference: { apiVersion: VALUES_API[values.target], kind: values.target, namespace: values.namespace, name: values.name }, place: `${place}.values` } as const]),
    ...(patch === undefined ? [] : [{ part: name, how: 'fields', reference: patch.object, place: `${place}.patch.object` } as const]),
    ...(hook === undefined ? [] : [{ part: name, how: 'whole', reference: referenceOf(hook.job), manifest: hook.job, place: `${place}.hook.job` } as const]),
  ];
}

/** In the order in which they are applied. */
export const bundleObjects = (content: Pick<BundleContent, 'parts'>): BundleObject[] => content.parts.flatMap((part, index) => ofPart(part, `parts[${index}]`));
