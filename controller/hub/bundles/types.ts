/** What the rollout asks of whoever keeps bundles. */
import type { BundleReference } from '../../../mesh/model/bundle.ts';

/** `problem`: why no run may bring it (there is none, its digest is another, its signatures do not do), for people. */
export type BundleAnswer = { readonly reference: BundleReference } | { readonly problem: string };

export interface Bundles {
  /** The content that a Bundle of this name has, verified and durable apart from the Bundle object; with `digest`, that content and no other. */
  resolve(name: string, digest: string | undefined): Promise<BundleAnswer>;
  /** Called when an answer may have changed: runs that no bundle could be found for wait for it. */
  subscribe(listener: () => void): void;
}
