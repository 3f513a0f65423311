/** What the charts give a right to: what values name and no more, to the programs and to people. */
import { describe, expect, test } from 'vitest';
import { HUB_RESOURCES } from '../../mesh/api/resources/index.ts';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { grantsOf, grantText, isForPeople } from '../kube/grants.ts';
import { renderChart } from './helm.ts';
import { helm, MINIMAL, podOf, withoutHelm } from './rendered.ts';

describe.skipIf(withoutHelm !== undefined)('charts', () => {
  test('gates and notifications have the rights, files and flags that values name, and none without', async () => {
    const of = async (...values: readonly string[]) => {
      const objects = await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...values.flatMap((value) => ['--set', value])]);
      const { containers, volumes } = podOf(objects).spec;
      return {
        grants: grantsOf(objects).filter(({ resource }) => resource === 'jobs').map(grantText), secrets: JSON.stringify(objects.filter(({ kind }) => kind === 'Role')).includes('"prometheus"'),
        flags: containers[0]!.args.filter((flag) => /notifications|ask-ca/.test(flag)), volumes: volumes?.map(({ name }) => name), files: objects.filter(({ kind }) => kind === 'ConfigMap').map((object) => (object as KubernetesObject & { readonly data: object }).data),
      };
    };
    expect(await of()).toEqual({ grants: [], secrets: false, flags: [], volumes: ['data'], files: [] });
    expect(await of('gates.jobNamespaces={checks}', 'gates.secrets={prometheus}', 'gates.caConfigMap=company-ca', 'notifications[0].url=https://chat.example.com/hook')).toEqual({
      grants: ['create jobs.batch * in checks', 'get jobs.batch * in checks'], secrets: true, flags: ['--notifications=/etc/isthmus/notifications/notifications.yaml', '--ask-ca-file=/etc/isthmus/ask-ca/ca.crt'],
      volumes: ['data', 'notifications', 'ask-ca'], files: [{ 'notifications.yaml': expect.stringContaining('url: https://chat.example.com/hook') as string }],
    });
  });

  test('several replicas of the hub elect a leader, and only then is there a right to its Lease', async () => {
    const leases = (objects: readonly KubernetesObject[]): readonly string[] => grantsOf(objects).filter(({ resource }) => resource === 'leases').map(grantText);
    const alone = await renderChart(helm, 'isthmus-hub', MINIMAL['isthmus-hub']);
    expect(podOf(alone).spec.containers[0]!.args).not.toContain('--leader-election');
    expect(alone.find(({ kind }) => kind === 'Deployment')).toMatchObject({ spec: { replicas: 1, strategy: { type: 'Recreate' } } });
    expect(leases(alone)).toEqual([]);
    const several = await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], '--set', 'replicas=3', '--set', 'records.postgres.existingSecret=records']);
    expect(podOf(several).spec.containers[0]!.args).toContain('--leader-election');
    expect(several.find(({ kind }) => kind === 'Deployment')).toMatchObject({ spec: { replicas: 3, strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 3 } } } });
    expect(several.map(({ kind }) => kind)).not.toContain('PersistentVolumeClaim');
    expect(leases(several)).toEqual(['create', 'get', 'update'].map((verb) => `${verb} leases.coordination.k8s.io ${verb === 'create' ? '*' : 'isthmus-hub'} in isthmus-system`));
  });

  test('roles for people are bound to nobody, approve and override only what they are named for, and let viewers see every kind that holds no answer and no token', async () => {
    const objects = await renderChart(helm, 'isthmus-hub', MINIMAL['isthmus-hub']);
    const roles = objects.filter(isForPeople).map((object) => object as KubernetesObject & { readonly rules: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[] });
    const rights = Object.fromEntries(roles.map(({ metadata, rules }) => [metadata.name, rules.flatMap(({ resources, verbs }) => verbs.filter((verb) => !['get', 'list', 'watch'].includes(verb)).flatMap((verb) => resources.map((resource) => `${verb} ${resource}`)))]));
    expect(rights).toEqual({
      'isthmus-run-approver': ['create approvals', 'create inquiries', 'delete inquiries'], 'isthmus-run-operator': ['create updateruns', 'patch updateruns', 'update updateruns', 'create inquiries', 'delete inquiries'],
      'isthmus-window-overrider': ['create windowoverrides', 'delete windowoverrides'], 'isthmus-authority-operator': ['patch certificateauthorities', 'update certificateauthorities'], 'isthmus-asker': ['create inquiries', 'delete inquiries'], 'isthmus-view': [],
    });
    expect(JSON.stringify(objects.filter(({ kind }) => kind === 'ClusterRoleBinding'))).not.toMatch(/approver|operator|overrider|asker|view/);
    const seen = roles.find(({ metadata }) => metadata.labels?.['rbac.authorization.k8s.io/aggregate-to-view'] === 'true')?.rules.flatMap(({ resources }) => resources);
    expect(seen).toEqual(HUB_RESOURCES.map(({ plural }) => plural).filter((plural) => plural !== 'inquiries' && plural !== 'jointokens').sort());
  });

  test('the agent may read credentials for single peers where they are named, and those alone; ranges of Services it may list', async () => {
    const of = async (...values: string[]): Promise<readonly string[]> => grantsOf(await renderChart(helm, 'isthmus-agent', [...MINIMAL['isthmus-agent'], ...values.flatMap((value) => ['--set', value])])).map(grantText);
    const usual = await of();
    expect(usual.filter((text) => /servicecidrs/.test(text))).toEqual(['list servicecidrs.networking.k8s.io * in *']);
    expect((await of('cilium.peerSecrets={oslo-client,rome-client}')).filter((text) => !usual.includes(text))).toEqual(['get secrets oslo-client in kube-system', 'get secrets rome-client in kube-system']);
  });

  test('rights to other inventories are there only where they are wanted', async () => {
    const of = async (...values: string[]): Promise<{ readonly grants: readonly string[]; readonly flags: readonly string[] }> => {
      const objects = await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...values.flatMap((value) => ['--set', value])]);
      return {
        grants: grantsOf(objects).filter(({ group, resource, verb, name }) => /x-k8s\.io|fluxcd/.test(group) || (resource === 'secrets' && (verb === 'list' || verb === 'watch' || (verb !== 'create' && name === '*')))).map(grantText),
        flags: podOf(objects).spec.containers[0]!.args.filter((flag) => /profiles|discover|argocd/.test(flag)),
      };
    };
    const ours = ['create', 'delete', 'get', 'list', 'patch', 'watch'].map((verb) => `${verb} clusterprofiles.multicluster.x-k8s.io * in isthmus-system`).concat('patch clusterprofiles/status.multicluster.x-k8s.io * in isthmus-system');
    const everywhere = ['clusterprofiles.multicluster.x-k8s.io', 'clusters.cluster.x-k8s.io', 'kustomizations.kustomize.toolkit.fluxcd.io', 'helmreleases.helm.toolkit.fluxcd.io'].map((what) => `list ${what} * in *`);
    expect(await of()).toEqual({ grants: ours, flags: ['--no-discover'] });
    expect(await of('inventory.clusterProfiles=false')).toEqual({ grants: [], flags: ['--no-cluster-profiles', '--no-discover'] });
    expect(await of('inventory.discover=true')).toEqual({ grants: [...everywhere, ...ours], flags: [] });
    expect(await of('inventory.discover=true', 'inventory.argocdNamespaces={argocd}')).toEqual({ grants: [...everywhere, ...ours, 'list secrets * in argocd'], flags: ['--argocd-namespace=argocd'] });
    expect(await of('inventory.argocdNamespaces={argocd}'), 'without discover nobody would ask').toEqual({ grants: ours, flags: ['--no-discover'] });
  });
});
