/** Versions in Kubernetes' order: stable before beta before alpha, higher before lower (apimachinery `version.CompareKubeAwareVersionStrings`). */

const PATTERN = /^v(\d+)(?:(alpha|beta)(\d+))?$/;
const STAGES = ['alpha', 'beta', undefined];

/** For sorting: the best first; names that follow no rule last, by the alphabet. */
export function byPriority(a: string, b: string): number {
  const [left, right] = [PATTERN.exec(a), PATTERN.exec(b)];
  if (left === null || right === null) return left === right ? (a < b ? -1 : 1) : left === null ? 1 : -1;
  return STAGES.indexOf(right[2]) - STAGES.indexOf(left[2]) || Number(right[1]) - Number(left[1]) || Number(right[3] ?? 0) - Number(left[3] ?? 0);
}
