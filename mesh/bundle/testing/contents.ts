/** Bundles for tests. */
import type { BundleContent, BundlePart, ManifestObject } from '../../model/bundle.ts';

export const manifest = (kind: string, name: string, namespace = 'shop', apiVersion = 'v1'): ManifestObject =>
  ({ apiVersion, kind, metadata: { name, ...(namespace === '' ? {} : { namespace }) } });

export const configMap = (name: string, data: Readonly<Record<string, string>> = { a: 'b' }): ManifestObject => ({ ...manifest('ConfigMap', name), data });

export const content = (parts: readonly BundlePart[] = [{ name: 'all', manifests: [configMap('settings')] }], version = '1.0.0', name = 'shop'): BundleContent =>
  ({ schema: 1, package: name, version, parts, health: [] });
