/** The name of a bundle's content. */
import type { BundleContent } from '../model/bundle.ts';
import { canonicalJson, type Digest } from '../model/canonical.ts';

/** What is signed, and what travels. */
export const bundleText = (content: BundleContent): string => canonicalJson(content);

export const textDigest = (text: string, digest: Digest): string => `sha256-${digest(text)}`;

export const bundleDigest = (content: BundleContent, digest: Digest): string => textDigest(bundleText(content), digest);
