/** Keys, roots and tokens come to the pods from where people put them, and are rendered nowhere else. */
import { describe, expect, test } from 'vitest';
import { grantsOf, grantText } from '../kube/grants.ts';
import { refusal, renderChart } from './helm.ts';
import { CHARTS, helm, MINIMAL, podOf, withoutHelm } from './rendered.ts';

describe.skipIf(withoutHelm !== undefined)('charts', () => {
  test.each(CHARTS)('%s mounts the pinned keys of bundles where they are, and asks for none where there are none', async (chart) => {
    const of = async (...values: readonly string[]): Promise<object> => {
      const { spec } = podOf(await renderChart(helm, chart, [...MINIMAL[chart], ...values.flatMap((value) => ['--set', value])]));
      const isKeys = (one: object): boolean => (one as { readonly name?: string }).name === 'bundle-keys';
      return { flags: spec.containers[0]!.args.filter((flag) => flag.startsWith('--bundle-keys')), mounts: spec.containers[0]!.volumeMounts?.filter(isKeys), volumes: spec.volumes?.filter(isKeys) };
    };
    const mounts = [{ name: 'bundle-keys', mountPath: '/etc/isthmus/bundle-keys', readOnly: true }];
    expect(await of()).toEqual({ flags: [], mounts: [], volumes: [] });
    expect(await of('bundleKeys.existingConfigMap=signers')).toEqual({ flags: ['--bundle-keys=/etc/isthmus/bundle-keys/keys.yaml'], mounts, volumes: [{ name: 'bundle-keys', configMap: { name: 'signers' } }] });
    expect(await of('bundleKeys.existingSecret=signers', 'bundleKeys.key=k')).toEqual({ flags: ['--bundle-keys=/etc/isthmus/bundle-keys/k'], mounts, volumes: [{ name: 'bundle-keys', secret: { secretName: 'signers' } }] });
    expect(await refusal(helm, chart, [...MINIMAL[chart], '--set', 'bundleKeys.existingSecret=a', '--set', 'bundleKeys.existingConfigMap=b'])).toContain('give existingConfigMap or existingSecret, not both');
  });

  test('the root is where it is said to be: its key is mounted, never rendered, and gives the hub no further right', async () => {
    const certificates = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    const of = async (...values: readonly string[]): Promise<object> => {
      const objects = await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...values.flatMap((value) => ['--set-string', value])]);
      const { spec } = podOf(objects);
      const isRoot = (one: object): boolean => (one as { readonly name?: string }).name?.startsWith('root') ?? false;
      return {
        flags: spec.containers[0]!.args.filter((flag) => flag.startsWith('--root')), mounts: spec.containers[0]!.volumeMounts?.filter(isRoot), volumes: spec.volumes?.filter(isRoot),
        grants: grantsOf(objects).map(grantText), files: objects.filter(({ metadata }) => metadata.name === 'isthmus-hub-root').map((object) => (object as unknown as { readonly data: object }).data),
      };
    };
    const usual = await of() as { readonly grants: readonly string[] };
    const mounted = { name: 'root', mountPath: '/etc/isthmus/root', readOnly: true };
    const files = [{ 'root.crt.pem': certificates }];
    expect(usual).toMatchObject({ flags: [], mounts: [], volumes: [], files: [] });
    expect(await of('root.source=offline', `root.certificates=${certificates}`)).toEqual({
      flags: ['--root-certificates=/etc/isthmus/root/root.crt.pem', '--root=offline'], mounts: [mounted], volumes: [{ name: 'root', configMap: { name: 'isthmus-hub-root' } }], grants: usual.grants, files,
    });
    expect(await of('root.source=file', `root.certificates=${certificates}`, 'root.keySecret.name=fleet-root', 'root.keySecret.passphraseKey=pass')).toEqual({
      flags: ['--root-certificates=/etc/isthmus/root/root.crt.pem', '--root-key-file=/etc/isthmus/root-key/root.key.pem', '--root-passphrase-file=/etc/isthmus/root-key/pass'],
      mounts: [mounted, { name: 'root-key', mountPath: '/etc/isthmus/root-key', readOnly: true }],
      volumes: [{ name: 'root', configMap: { name: 'isthmus-hub-root' } }, { name: 'root-key', secret: { secretName: 'fleet-root', defaultMode: 0o440 } }], grants: usual.grants, files,
    });
    expect(await of('root.source=signer', `root.certificates=${certificates}`, 'root.signer=/opt/kms sign --key x')).toMatchObject({ flags: ['--root-certificates=/etc/isthmus/root/root.crt.pem', '--root-signer=/opt/kms sign --key x'], grants: usual.grants });
    const refused = (...values: readonly string[]): ReturnType<typeof refusal> => refusal(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...values.flatMap((value) => ['--set-string', value])]);
    expect(await refused('root.source=offline')).toContain('give the root\'s certificate (PEM)');
    expect(await refused('root.source=offline', `root.certificates=${certificates}-----BEGIN PRIVATE KEY-----`)).toContain('holds a private key');
    expect(await refused('root.source=file', `root.certificates=${certificates}`)).toContain('name the Secret with the root\'s key');
    expect(await refused('root.source=signer', `root.certificates=${certificates}`)).toContain('give the program that signs');
    expect(await refused('root.source=hsm')).toMatch(/source/);
    const certManager = ['root.source=cert-manager', `root.certificates=${certificates}`, 'root.certManager.issuer=bank-ca'];
    const asked = { flags: ['--root-certificates=/etc/isthmus/root/root.crt.pem', '--root=cert-manager'], mounts: [mounted], volumes: [{ name: 'root', configMap: { name: 'isthmus-hub-root' } }], files };
    const requests = ['create', 'delete', 'list'].map((verb) => `${verb} certificaterequests.cert-manager.io * in isthmus-system`);
    const certManagerRoot = await of(...certManager) as { readonly grants: readonly string[] };
    expect(certManagerRoot).toMatchObject(asked);
    expect(certManagerRoot.grants.filter((grant) => !usual.grants.includes(grant)), 'it asks, and never approves').toEqual(requests);
    expect(usual.grants.filter((grant) => !certManagerRoot.grants.includes(grant))).toEqual([]);
    const args = async (...values: readonly string[]) => podOf(await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...[...certManager, ...values].flatMap((value) => ['--set-string', value])])).spec.containers[0]!.args.filter((flag) => flag.startsWith('--cert-manager'));
    expect(await args()).toEqual(['--cert-manager-issuer=bank-ca', '--cert-manager-issuer-kind=ClusterIssuer', '--cert-manager-issuer-group=cert-manager.io']);
    expect(await args('root.certManager.kind=AWSPCAClusterIssuer', 'root.certManager.group=awspca.cert-manager.io')).toEqual(['--cert-manager-issuer=bank-ca', '--cert-manager-issuer-kind=AWSPCAClusterIssuer', '--cert-manager-issuer-group=awspca.cert-manager.io']);
    expect(await refused('root.source=cert-manager', 'root.certManager.issuer=bank-ca')).toContain('give the root\'s certificate (PEM)');
    expect(await refused('root.source=cert-manager', `root.certificates=${certificates}`)).toContain('name the issuer that signs');
    expect(await refused(...certManager, 'root.certManager.kind=VaultIssuer')).toContain('give ClusterIssuer or Issuer');
    expect(await refused(...certManager, 'root.certManager.kind=issuer')).toMatch(/kind/);
    expect(await refused('root.certManager.issuer=bank-ca')).toContain('is for root.source cert-manager');
  });

  test('the join token is in a Secret and nowhere else', async () => {
    const token = 'isthmus-join-v1.c2VjcmV0';
    const objects = await renderChart(helm, 'isthmus-agent', [...MINIMAL['isthmus-agent'], '--set-string', `join.token=${token}`]);
    expect(objects.filter((object) => JSON.stringify(object).includes(token)).map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toEqual(['Secret/isthmus-agent-join']);
  });
});
