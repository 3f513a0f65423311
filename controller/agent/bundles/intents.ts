/** What a bundle wants of each object, as server-side apply takes it. Pure. */
import { type BundleObject, bundleObjects, groupOf, objectKey } from '../../../mesh/bundle/objects.ts';
import type { BundleContent, BundlePart, ManifestObject, ObjectReference } from '../../../mesh/model/bundle.ts';
import type { KubernetesObject } from '../../../mesh/ports/kubernetes.ts';

/** Label of what a package has made; value: the package. */
export const PACKAGE = 'isthmus.dev/package';
/** Annotation: the digest of the content that it is of. */
export const BUNDLE = 'isthmus.dev/bundle';

export interface Intent {
  readonly part: string;
  readonly how: 'whole' | 'fields';
  readonly reference: ObjectReference;
  readonly object: KubernetesObject;
}

const coordinates = ({ apiVersion, kind, namespace, name }: ObjectReference): KubernetesObject => ({ apiVersion, kind, metadata: { name, ...(namespace === '' ? {} : { namespace }) } });

function fieldsOf({ values, patch }: BundlePart): Readonly<Record<string, unknown>> {
  if (patch !== undefined) return patch.fields;
  if (values === undefined) return {};
  return values.target === 'HelmRelease' ? { spec: { values: values.values } } : values.target === 'Application' ? { spec: { source: { helm: { valuesObject: values.values } } } } : { data: values.values };
}

/** Annotations by which people say something to Isthmus: a bundle that had them would decide in their place. */
const OF_PEOPLE = /^isthmus\.dev\//;

function marked(manifest: ManifestObject, content: BundleContent, digest: string): KubernetesObject {
  const { metadata } = manifest as unknown as KubernetesObject;
  return { ...manifest, metadata: { ...metadata, labels: { ...metadata.labels, [PACKAGE]: content.package }, annotations: { ...Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(([key]) => !OF_PEOPLE.test(key))), [BUNDLE]: digest } } };
}

/** A namespace or a definition goes before what needs it. */
const rank = ({ reference: { apiVersion, kind } }: BundleObject): number => (apiVersion === 'v1' && kind === 'Namespace' ? 0 : kind === 'CustomResourceDefinition' ? 1 : 2);

/** Without hooks. By part, in the order of being applied. */
export function intentsOf(content: BundleContent, digest: string): readonly Intent[] {
  const parts = new Map(content.parts.map((part) => [part.name, part]));
  const places = new Map(content.parts.map(({ name }, index) => [name, index]));
  return bundleObjects(content).filter(({ part }) => parts.get(part)?.hook === undefined)
    .sort((a, b) => places.get(a.part)! - places.get(b.part)! || rank(a) - rank(b))
    .map(({ part, how, reference, manifest }) => ({
      part, how, reference, object: manifest === undefined ? { ...coordinates(reference), ...fieldsOf(parts.get(part)!) } : marked(manifest, content, digest),
    }));
}

/** Gives up every field that we own of somebody else's object. */
export const nothingOf = coordinates;

/** Whether a definition of the bundle brings the kind. */
export function bringsKind(content: BundleContent, { apiVersion, kind }: Pick<ObjectReference, 'apiVersion' | 'kind'>): boolean {
  return bundleObjects(content).some(({ reference, manifest }) => {
    if (reference.kind !== 'CustomResourceDefinition' || manifest === undefined) return false;
    const spec = manifest['spec'] as { readonly group?: unknown; readonly names?: { readonly kind?: unknown } } | undefined;
    return spec?.group === groupOf(apiVersion) && spec.names?.kind === kind;
  });
}

export const bringsNamespace = (content: BundleContent, namespace: string): boolean => {
  const key = objectKey({ apiVersion: 'v1', kind: 'Namespace', namespace: '', name: namespace });
  return bundleObjects(content).some(({ reference }) => objectKey(reference) === key);
};
