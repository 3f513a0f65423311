import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isToolMark, managedBy } from './managed-by.ts';

const deployment = { group: 'apps', kind: 'Deployment' };
const shop = { name: 'checkout', namespace: 'shop' };
const argo = (id: string): object => ({ annotations: { 'argocd.argoproj.io/tracking-id': id } });

test.each([
  ['nothing', {}, null],
  ['a Kustomization of Flux', { labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux-system' } }, { tool: 'Flux Kustomization', name: 'apps', namespace: 'flux-system', sure: true }],
  ['a HelmRelease of Flux, which leaves the marks of Helm, too', { labels: { 'helm.toolkit.fluxcd.io/name': 'shop', 'app.kubernetes.io/instance': 'x' }, annotations: { 'meta.helm.sh/release-name': 'shop' } }, { tool: 'Flux HelmRelease', name: 'shop', namespace: null, sure: true }],
  ['Argo CD', argo('shop:apps/Deployment:shop/checkout'), { tool: 'Argo CD', name: 'shop', sure: true }],
  ['an application of another namespace', argo('team-a_shop:apps/Deployment:shop/checkout'), { tool: 'Argo CD', name: 'team-a_shop' }],
  ['an id that was copied from another object', argo('shop:apps/Deployment:shop/payments'), null],
  ['an id that was copied from another namespace', argo('shop:apps/Deployment:blog/checkout'), null],
  ['an id that was copied from another kind', argo('shop:/Service:shop/checkout'), null],
  ['an id that is none', argo('shop'), null],
  ['a release of Helm, whose charts set the instance label', { labels: { 'app.kubernetes.io/instance': 'prod' }, annotations: { 'meta.helm.sh/release-name': 'prod', 'meta.helm.sh/release-namespace': 'shop' } }, { tool: 'Helm', name: 'prod', namespace: 'shop', sure: true }],
  ['the instance label alone', { labels: { 'app.kubernetes.io/instance': 'prod' } }, { tool: 'Argo CD', name: 'prod', sure: false }],
  ['empty marks', { labels: { 'app.kubernetes.io/instance': '', 'helm.toolkit.fluxcd.io/name': '' }, annotations: { 'meta.helm.sh/release-name': '' } }, null],
] as const)('%s', (_what, marks, expected) => {
  const found = managedBy({ ...shop, ...marks }, deployment);
  if (expected === null) expect(found).toBeNull();
  else expect(found).toMatchObject(expected);
});

test('without the kind, name and namespace decide; a name may hold colons, and an object of no namespace is written with one', () => {
  expect(managedBy({ ...shop, ...argo('shop:apps/Deployment:shop/checkout') })?.sure).toBe(true);
  const role = { name: 'system:isthmus:reader', ...argo('base:rbac.authorization.k8s.io/ClusterRole:default/system:isthmus:reader') };
  expect(managedBy(role, { group: 'rbac.authorization.k8s.io', kind: 'ClusterRole' })).toMatchObject({ name: 'base', mark: 'argocd.argoproj.io/tracking-id' });
});

test('whatever is in labels and annotations, the mark that is named is there', () => {
  const keys = ['argocd.argoproj.io/tracking-id', 'app.kubernetes.io/instance', 'meta.helm.sh/release-name', 'kustomize.toolkit.fluxcd.io/name', 'helm.toolkit.fluxcd.io/name', 'team'];
  const marks = fc.dictionary(fc.constantFrom(...keys), fc.oneof(fc.string(), fc.constant('a:apps/Deployment:shop/checkout')));
  fc.assert(fc.property(marks, marks, (labels, annotations) => {
    const found = managedBy({ ...shop, labels, annotations }, deployment);
    if (found === null) return;
    expect({ ...labels, ...annotations }).toHaveProperty([found.mark]);
    expect(found.name).not.toBe('');
    expect(isToolMark(found.mark)).toBe(true);
  }));
});
