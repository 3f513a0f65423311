/** `isthmus bundle list`: the Bundles that there are, which of them may be brought, and where they are. */
import type { BundleObject } from '../../../mesh/api/resources/bundle.ts';
import { Bundle } from '../../../mesh/api/resources/index.ts';
import { compareVersions, parseVersion } from '../../../mesh/model/compare.ts';
import { findCondition } from '../../../mesh/model/condition.ts';
import { fromRfc3339 } from '../../../mesh/model/instant.ts';
import { compareText } from '../../../mesh/model/order.ts';
import { conditionsOf } from '../../hub/views.ts';
import type { Environment } from '../environment.ts';
import { listAll } from '../list.ts';
import { age, type Format, print, shortId } from '../output/index.ts';

/** Packages by name, of each the newest version first. */
function newestFirst(a: BundleObject, b: BundleObject): number {
  const [left, right] = [parseVersion(a.spec.version), parseVersion(b.spec.version)];
  return compareText(a.spec.package, b.spec.package) || (left === undefined || right === undefined ? 0 : compareVersions(right, left)) || compareText(a.metadata.name, b.metadata.name);
}

function usable(object: BundleObject): string {
  const [valid, verified] = ['Valid', 'Verified'].map((type) => findCondition(conditionsOf(object), type));
  if (valid === undefined || verified === undefined) return 'not judged yet';
  const wrong = valid.status === 'False' ? valid : verified.status === 'False' ? verified : undefined;
  return wrong === undefined ? 'yes' : `no: ${wrong.message}`;
}

function signedBy(object: BundleObject): string {
  const given = object.spec.signatures ?? [];
  const counted = object.status?.verifiedBy ?? [];
  return given.length === 0 ? '-' : given.map(({ keyid }) => (counted.includes(keyid) ? keyid : `(${keyid})`)).join(',');
}

export async function listBundles(environment: Environment, format: Format, packageName: string | undefined): Promise<void> {
  const client = await environment.connect();
  const objects = (await listAll<BundleObject>(client, Bundle, environment.signal)).filter(({ spec }) => packageName === undefined || spec.package === packageName).sort(newestFirst);
  const now = environment.now();
  const row = (object: BundleObject): string[] =>
    [object.metadata.name, object.spec.package, object.spec.version, shortId(object.status?.digest), signedBy(object), age(fromRfc3339(object.metadata.creationTimestamp), now), usable(object)];
  const headings = ['NAME', 'PACKAGE', 'VERSION', 'DIGEST', 'SIGNED BY', 'AGE', 'USABLE'];
  print(environment, format, {
    headings, rows: objects.map(row),
    wide: { headings, rows: objects.map((object) => row(object).map((cell, column) => (column === 3 ? object.status?.digest ?? '<none>' : cell))) },
    value: objects, names: objects.map(({ metadata }) => `bundle.isthmus.dev/${metadata.name}`),
    empty: packageName === undefined ? 'There is no Bundle.' : `There is no Bundle of package ${packageName}.`,
  });
}
