/** The name of a desired state: the hash of what it says. */
import { canonicalJson, type Digest } from './canonical.ts';
import type { DesiredRevision, DesiredState } from './desired.ts';

/** Members that may be absent are absent when they are empty: one state has one id. `texts` has those of what many clusters share, or a mesh of n would cost n² of them. */
export function revisionOf(state: DesiredState, digest: Digest, texts?: ReadonlyMap<object, string>): DesiredRevision {
  const { access = [], bundles = [], overrides = [], ...rest } = state;
  const content = canonicalJson({ ...rest, ...(access.length === 0 ? {} : { access }), ...(bundles.length === 0 ? {} : { bundles }), ...(overrides.length === 0 ? {} : { overrides }) } satisfies DesiredState, texts);
  return { id: `sha256-${digest(content)}`, cluster: state.cluster, content };
}
