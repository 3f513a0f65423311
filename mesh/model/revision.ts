/** The name of a desired state: the hash of what it says. */
import { canonicalJson, type Digest } from './canonical.ts';
import type { DesiredRevision, DesiredState } from './desired.ts';

/** Members that may be absent are absent when they are empty: one state has one id. */
export function writtenState({ access = [], bundles = [], overrides = [], ...rest }: DesiredState): DesiredState {
  return { ...rest, ...(access.length === 0 ? {} : { access }), ...(bundles.length === 0 ? {} : { bundles }), ...(overrides.length === 0 ? {} : { overrides }) };
}

export function revisionOf(state: DesiredState, digest: Digest): DesiredRevision {
  const content = canonicalJson(writtenState(state));
  return { id: `sha256-${digest(content)}`, cluster: state.cluster, content };
}
