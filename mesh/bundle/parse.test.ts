import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256Hex } from '../../controller/adapters/digest.ts';
import { canonicalJson } from '../model/canonical.ts';
import { bundleDigest, bundleText } from './digest.ts';
import { guardProblem } from './guard.ts';
import { utf8Length } from './json.ts';
import { referenceOf } from './objects.ts';
import { parseBundle, readBundle } from './parse.ts';
import { readBundleSpec } from './spec.ts';
import { configMap, content, manifest } from './testing/contents.ts';

const job = { ...manifest('Job', 'migrate', 'shop', 'batch/v1'), spec: {} };
const one = (part: object): unknown => ({ ...content(), parts: [{ name: 'one', ...part }] });
const twoParts = (a: object, b: object): unknown => ({ ...content(), parts: [{ name: 'one', ...a }, { name: 'two', ...b }] });

describe('a bundle that is as it should be', () => {
  test('is read from its own text, and its digest is that of the text', () => {
    const full = content([
      { name: 'objects', manifests: [configMap('a'), manifest('Namespace', 'shop', ''), manifest('ClusterRole', 'shop:reader', '', 'rbac.authorization.k8s.io/v1')] },
      { name: 'cilium', values: { target: 'HelmRelease', namespace: 'kube-system', name: 'cilium', values: { nested: { list: [1, 2.5, null, true] } } } },
      { name: 'topology', patch: { object: { apiVersion: 'cluster.x-k8s.io/v1beta1', kind: 'Cluster', namespace: 'fleet', name: 'oslo' }, fields: { spec: { topology: { version: 'v1.34.1' } } } } },
      { name: 'agent', agentVersion: { version: '0.2.0' } },
      { name: 'migrate', hook: { job, timeoutSeconds: 60 } },
    ]);
    expect(parseBundle(bundleText(full))).toEqual({ content: full });
    expect(bundleDigest(full, sha256Hex)).toBe(`sha256-${sha256Hex(bundleText(full))}`);
  });
  test('has one digest, however its members are ordered', () => {
    expect(bundleDigest({ health: [], parts: [{ manifests: [{ metadata: { namespace: 'shop', name: 'settings' }, data: { a: 'b' }, kind: 'ConfigMap', apiVersion: 'v1' }], name: 'all' }], version: '1.0.0', package: 'shop', schema: 1 }, sha256Hex)).toBe(bundleDigest(content(), sha256Hex));
  });
});

describe('a spec', () => {
  const spec = (more: object): unknown => ({ package: 'shop', version: '1.0.0', parts: [{ name: 'one', ...more }] });
  test('has the defaults of the schema filled in, and nothing where objects say null', () => {
    const said = { manifests: [{ ...configMap('a'), metadata: { name: 'a', namespace: 'shop', creationTimestamp: null }, list: [{ b: null }, null] }] };
    expect(readBundleSpec(spec(said)).content?.parts[0]?.manifests).toEqual([{ ...configMap('a'), list: [{}, null] }]);
    expect(readBundleSpec(spec({ hook: { job } })).content?.parts[0]?.hook?.timeoutSeconds).toBe(600);
    expect(readBundleSpec(spec({ patch: { object: { apiVersion: 'v1', kind: 'Node', name: 'a' }, fields: { spec: { a: 1, b: null } } } })).content?.parts[0]?.patch).toEqual({ object: { apiVersion: 'v1', kind: 'Node', namespace: '', name: 'a' }, fields: { spec: { a: 1 } } });
  });
  test.each<[unknown, string]>([
    [spec({ values: { target: 'HelmRelease', namespace: 'a', name: 'b', values: { a: null } } }), 'is null'],
    [{ ...spec({}) as object, signatures: [{ keyid: 'a' }] }, 'signatures[0]: is not a keyid and a sig'],
    [{ ...spec({}) as object, signatures: Array.from({ length: 17 }, () => ({ keyid: 'a', sig: 'b' })) }, 'signatures: give at most 16'],
    [null, 'spec: is not an object'], [{}, 'content.package: is missing'], [{ parts: [null, 1] }, 'content.package: is missing'],
  ])('%#', (value, problem) => { expect(readBundleSpec(value).problem).toContain(problem); });
  test('any JSON whatever is either read or has a sentence', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => {
      for (const candidate of [value, { ...spec({}) as object, parts: value }, spec({ hook: value, patch: value, manifests: value }), { parts: [value], signatures: value }]) {
        const read = readBundleSpec(candidate);
        if (read.content !== undefined) expect(parseBundle(bundleText(read.content)).content).toEqual(read.content);
      }
    }));
  });
});

describe('a bundle is refused, by the place and the way out', () => {
  const manyParts = Array.from({ length: 33 }, (_, index) => ({ name: `p${index}`, manifests: [configMap(`c${index}`)] }));
  const manyObjects = Array.from({ length: 501 }, (_, index) => configMap(`c${index}`));
  test.each<[unknown, string]>([
    [{ ...content(), parts: manyParts }, 'parts: there are 33; give 1 to 32'],
    [{ ...content(), parts: [] }, 'parts: there are 0; give 1 to 32'],
    [one({ manifests: manyObjects }), '501 objects in all, at most 500'],
    [one({ manifests: [configMap('a', { text: 'x'.repeat(524_288) })] }), 'at most 524288 are allowed; divide it'],
    [{ ...content(), version: '1.0' }, 'version: "1.0" is not a semantic version'],
    [{ ...content(), package: 'Shop' }, 'package: "Shop" is not a DNS label'],
    [{ ...content(), owner: 'me' }, 'content.owner: is not a field of a bundle'],
    [one({}), 'parts[0] (one): has nothing to do'],
    [one({ manifests: [configMap('a')], agentVersion: { version: '1.0.0' } }), 'has manifests and agentVersion; give exactly one'],
    [{ ...content(), parts: [{ name: 'one', manifests: [configMap('a')] }, { name: 'one', manifests: [configMap('b')] }] }, 'parts[1].name: "one" is in parts[0].name already'],
    [twoParts({ manifests: [configMap('a')] }, { manifests: [configMap('a')] }), 'parts[1].manifests[0]: ConfigMap shop/a is in parts[0].manifests[0] already'],
    [twoParts({ manifests: [manifest('Deployment', 'a', 'shop', 'apps/v1')] }, { patch: { object: { apiVersion: 'apps/v1beta1', kind: 'Deployment', namespace: 'shop', name: 'a' }, fields: { spec: {} } } }), 'is in parts[0].manifests[0] already'],
    [twoParts({ agentVersion: { version: '1.0.0' } }, { agentVersion: { version: '1.0.1' } }), 'the agent\'s version is in parts[0].agentVersion already'],
    [one({ manifests: [manifest('ConfigMap', 'a', 'Shop')] }), 'metadata.namespace: "Shop" is not a DNS label'],
    [one({ manifests: [manifest('ConfigMap', 'a_b')] }), 'metadata.name: "a_b" is not a name that Kubernetes allows'],
    [one({ manifests: [{ ...manifest('ConfigMap', 'a'), metadata: { name: 'a', ownerReferences: [] } }] }), 'metadata.ownerReferences: belongs to the object of one cluster'],
    [one({ manifests: [{ apiVersion: 'v1', kind: 'List', metadata: {}, items: [] }] }), 'is a List; give its items one by one'],
    [one({ manifests: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: {} }] }), 'metadata.name: is missing'],
    [one({ values: { target: 'ConfigMap', namespace: 'shop', name: 'a', values: { a: 1 } } }), 'values.a: a ConfigMap holds texts alone'],
    [one({ values: { target: 'Chart', namespace: 'shop', name: 'a', values: {} } }), '"Chart" is none of HelmRelease, Application, ConfigMap'],
    [one({ patch: { object: { apiVersion: 'v1', kind: 'Node', namespace: '', name: 'a' }, fields: { metadata: {} } } }), 'fields.metadata: a patch writes other fields'],
    [one({ hook: { job: manifest('Pod', 'a'), timeoutSeconds: 1 } }), 'is v1 Pod; a hook is a Job of batch/v1'],
    [one({ hook: { job, timeoutSeconds: 0 } }), 'timeoutSeconds: 0 is not 1 to 86400'],
    [{ ...content(), health: [{ apiVersion: 'v1', kind: 'Pod', cel: '((' .repeat(40) }] }, 'health[0].cel: is nested deeper'],
    [{ ...content(), health: [{ apiVersion: 'v1', kind: 'Pod', cel: 'selff.ready' }] }, 'health[0].cel: names "selff"'],
    [{ ...content(), health: [{ apiVersion: 'v1', kind: 'Pod', cel: 'self.' }] }, 'health[0].cel: '],
    [one({ manifests: [{ ...configMap('a'), spec: { number: 2 ** 60 } }] }), 'has more digits than JSON\'s readers keep'],
    [one({ manifests: [{ ...configMap('a'), spec: { number: Number.NaN } }] }), 'is no number of JSON'],
    [one({ manifests: [{ ...configMap('a'), data: { a: '\ud800' } }] }), 'holds half a character'],
    [one({ values: { target: 'HelmRelease', namespace: 'a', name: 'b', values: { deep: [{ a: null }] } } }), 'values.values.deep[0].a: is null, which "kubectl apply" drops'],
    [one({ manifests: [manifest('UpdateRun', 'x', '', 'isthmus.dev/v1alpha1')] }), 'bundles do not write Isthmus\' own objects'],
    [one({ manifests: [manifest('CustomResourceDefinition', 'approvals.isthmus.dev', '', 'apiextensions.k8s.io/v1')] }), 'own definitions'],
    [one({ manifests: [manifest('ClusterRole', 'isthmus-agent', '', 'rbac.authorization.k8s.io/v1')] }), 'own rights and guards'],
    [one({ manifests: [manifest('ValidatingAdmissionPolicy', 'isthmus-people', '', 'admissionregistration.k8s.io/v1')] }), 'own rights and guards'],
    [one({ patch: { object: { apiVersion: 'v1', kind: 'Secret', namespace: 'kube-system', name: 'cilium-clustermesh' }, fields: { data: {} } } }), 'the mesh\'s plan writes it'],
    [one({ manifests: [{ ...configMap('a'), metadata: { name: 'a', namespace: 'shop', labels: { 'app.kubernetes.io/managed-by': 'isthmus-agent' } } }] }), 'marks what Isthmus makes'],
  ])('%#', (value, problem) => {
    expect(readBundle(value).problem).toContain(problem);
  });

  test('a text that is not the canonical one has no digest', () => {
    const text = bundleText(content());
    expect(parseBundle(text.replace('{', '{ ')).problem).toContain('canonical form');
    expect(parseBundle(text.replace('{"health":[]', '{"health":[],"health":[]')).problem).toContain('canonical form');
    expect(parseBundle('{').problem).toBe('the content is not JSON');
  });

  test('nesting that would exhaust a stack', () => {
    expect(parseBundle('['.repeat(500_000)).problem).toBeDefined();
    expect(parseBundle(`${'['.repeat(250_000)}${']'.repeat(250_000)}`).problem).toContain('is nested deeper than 48');
  });
});

test('any JSON whatever is either a bundle or has a sentence', () => {
  fc.assert(fc.property(fc.jsonValue(), fc.constantFrom('manifests', 'values', 'patch', 'agentVersion', 'hook'), (value, kind) => {
    for (const candidate of [value, { ...content(), parts: value }, one({ [kind]: value }), one({ [kind]: [value] })]) {
      const read = readBundle(candidate);
      expect(typeof (read.problem ?? read.content)).toMatch(/string|object/);
      if (read.content !== undefined) expect(parseBundle(bundleText(read.content)).content).toEqual(JSON.parse(canonicalJson(candidate)));
    }
  }));
});

test('bytes are counted as UTF-8 has them', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => { expect(utf8Length(text)).toBe(Buffer.byteLength(text)); }));
});

describe('an agent refuses what touches its own place', () => {
  const place = { namespace: 'isthmus', serviceAccount: 'isthmus-agent' };
  const problem = (object: Readonly<Record<string, unknown>>): string | undefined => guardProblem(referenceOf(object), object, place);
  const binding = (subject: object): Readonly<Record<string, unknown>> => ({ ...manifest('ClusterRoleBinding', 'more', '', 'rbac.authorization.k8s.io/v1'), subjects: [subject] });
  test.each([
    configMap('a'), manifest('Namespace', 'shop', ''), binding({ kind: 'ServiceAccount', namespace: 'shop', name: 'isthmus-agent' }), binding({ kind: 'Group', name: 'gardeners' }),
  ])('may be: %#', (object) => { expect(problem(object)).toBeUndefined(); });
  test.each([
    manifest('Secret', 'anything', 'isthmus'), manifest('Namespace', 'isthmus', ''), binding({ kind: 'ServiceAccount', namespace: 'isthmus', name: 'isthmus-agent' }),
    binding({ kind: 'Group', name: 'system:serviceaccounts' }), binding({ kind: 'User', name: 'system:serviceaccount:isthmus:isthmus-agent' }),
  ])('may not be: %#', (object) => { expect(problem(object)).toBeDefined(); });
});
