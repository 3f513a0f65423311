/** kubectl against the embedded API, on core and custom kinds. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningApi, startApi } from './start.ts';

const present = spawnSync('kubectl', ['version', '--client']).status === 0;
if (!present) console.warn('skipped: kubectl is not on PATH');

describe.skipIf(!present)('kubectl', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-kubectl-'));
  let api: RunningApi;
  const environment = (): NodeJS.ProcessEnv => ({ ...process.env, KUBECONFIG: api.kubeconfig, HOME: folder });

  beforeAll(async () => {
    api = await startApi(folder);
  });
  afterAll(async () => {
    await api.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function kubectl(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)('kubectl', args, { env: environment(), timeout: 90_000 });
    return stdout;
  }
  const fails = async (...args: string[]): Promise<string> => kubectl(...args).then((text) => { throw new Error(`kubectl ${args.join(' ')} should fail, said ${text}`); }, (error: { stderr?: string; message: string }) => error.stderr ?? error.message);
  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }
  const configMap = (name: string, data: string, labels = ''): string => file(`${name}.yaml`, `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: shop${labels === '' ? '' : `, labels: {${labels}}`}}\ndata: {${data}}\n`);
  const mesh = (name: string, extra = ''): string => file(`${name}.yaml`, `apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: ${name}}\nspec: {clusters: {names: ["*"]}${extra}}\n`);

  it('lists kinds and explains them', async () => {
    const kinds = await kubectl('api-resources');
    expect(kinds).toMatch(/serviceexports +svcex +multicluster\.x-k8s\.io\/v1beta1 +true +ServiceExport/);
    expect(await kubectl('explain', 'mesh.spec.clusters.names')).toContain('Globs over cluster names.');
    expect(await kubectl('explain', 'service.spec.ports')).toContain('targetPort');
    expect(await kubectl('explain', 'serviceexport', '--api-version=multicluster.x-k8s.io/v1alpha1')).toContain('v1alpha1');
  });

  it('applies on the client side: create, no change, change, removal', async () => {
    const path = configMap('client', 'a: "1", b: "2"');
    expect(await kubectl('apply', '-f', path)).toContain('configmap/client created');
    expect(await kubectl('apply', '-f', path)).toContain('unchanged');
    configMap('client', 'a: "3"');
    expect(await kubectl('apply', '-f', path)).toContain('configured');
    expect(JSON.parse(await kubectl('get', 'cm', 'client', '-n', 'shop', '-o', 'jsonpath={.data}'))).toEqual({ a: '3' });
    expect(await kubectl('apply', '-f', mesh('client-mesh'))).toContain('created');
    expect(await kubectl('apply', '-f', mesh('client-mesh', ', allowVersionSkewMinors: 2'))).toContain('configured');
  });

  it('merges a Service strategically: ports by number, the address stays', async () => {
    const service = (ports: string): string => file('service.yaml', `apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}, ports: [${ports}]}\n`);
    await kubectl('apply', '-f', service('{name: http, port: 80}, {name: admin, port: 81}'));
    const before = await kubectl('get', 'svc', 'web', '-n', 'shop', '-o', 'jsonpath={.spec.clusterIP}');
    expect(await kubectl('diff', '-f', service('{name: http, port: 80}')).catch((error: { stdout: string }) => error.stdout)).toContain('-    port: 81');
    await kubectl('apply', '-f', service('{name: http, port: 80}'));
    expect(await kubectl('get', 'svc', 'web', '-n', 'shop', '-o', 'jsonpath={.spec.clusterIP} {.spec.ports[*].port}')).toBe(`${before} 80`);
  });

  it('applies on the server side, and two managers fight over one key of a Secret', async () => {
    const secret = (value: string): string => file('secret.yaml', `apiVersion: v1\nkind: Secret\nmetadata: {name: fight, namespace: shop}\ndata: {oslo: ${value}}\n`);
    await kubectl('apply', '--server-side', '--field-manager=isthmus-agent', '-f', secret('YQ=='));
    const refused = await fails('apply', '--server-side', '--field-manager=somebody', '-f', secret('Yg=='));
    expect(refused).toContain('conflict with "isthmus-agent": .data.oslo');
    expect(await kubectl('apply', '--server-side', '--field-manager=somebody', '--force-conflicts', '-f', secret('Yg=='))).toContain('serverside-applied');
    expect(await fails('apply', '--server-side', '--field-manager=isthmus-agent', '-f', secret('YQ=='))).toContain('conflict with "somebody": .data.oslo');
    await kubectl('patch', 'secret', 'fight', '-n', 'shop', '--type=merge', '-p', '{"data":{"oslo":"Yw=="}}');
    expect(await fails('apply', '--server-side', '--field-manager=somebody', '-f', secret('Yg=='))).toContain('conflict with "kubectl-patch" using v1: .data.oslo');
  });

  it('edits, patches and labels', async () => {
    const editor = file('editor.sh', '#!/bin/sh\nsed -i \'s/color: green/color: blue/\' "$1"\n');
    spawnSync('chmod', ['+x', editor]);
    await kubectl('apply', '-f', configMap('edited', 'color: green'));
    const { stdout } = await promisify(execFile)('kubectl', ['edit', 'cm', 'edited', '-n', 'shop'], { env: { ...environment(), EDITOR: editor, KUBE_EDITOR: editor } });
    expect(stdout).toContain('configmap/edited edited');
    await kubectl('patch', 'cm', 'edited', '-n', 'shop', '--type=json', '-p', '[{"op":"add","path":"/data/shape","value":"round"}]');
    await kubectl('patch', 'cm', 'edited', '-n', 'shop', '-p', '{"data":{"size":"big"}}');
    await kubectl('label', 'cm', 'edited', '-n', 'shop', 'tier=web');
    expect(JSON.parse(await kubectl('get', 'cm', '-n', 'shop', '-l', 'tier=web', '-o', 'jsonpath={.items[0].data}'))).toEqual({ color: 'blue', shape: 'round', size: 'big' });
    await kubectl('apply', '-f', mesh('labelled'));
    await kubectl('label', 'mesh', 'labelled', 'a=b');
    expect(await kubectl('get', 'mesh', '-l', 'a in (b,c)', '-o', 'name')).toBe('mesh.isthmus.dev/labelled\n');
    expect(await fails('patch', 'mesh', 'labelled', '--type=strategic', '-p', '{}')).toMatch(/415|unknown format|not supported/i);
  });

  it('shows tables, wide and watched', async () => {
    await kubectl('apply', '-f', mesh('table'));
    await kubectl('patch', 'mesh', 'table', '--subresource=status', '--type=merge', '-p', '{"status":{"clusterCount":3,"conditions":[{"type":"Planned","status":"True","reason":"R","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}');
    expect(await kubectl('get', 'mesh', 'table')).toMatch(/NAME +PLANNED +ROLLEDOUT +CLUSTERS +CONFLICTS +AGE\ntable +True +3 +\d+s/);
    await kubectl('apply', '-f', file('cluster.yaml', 'apiVersion: isthmus.dev/v1alpha1\nkind: Cluster\nmetadata: {name: berlin}\n'));
    expect(await kubectl('get', 'icl')).not.toContain('CURRENT');
    expect(await kubectl('get', 'icl', '-o', 'wide')).toContain('CURRENT');
    await kubectl('apply', '-f', configMap('before', 'a: "1"', 'watched: "yes"'));
    const watch = spawn('kubectl', ['get', 'cm', '-n', 'shop', '-l', 'watched=yes', '-w', '--output-watch-events'], { env: environment() });
    let seen = '';
    watch.stdout.on('data', (chunk: Buffer) => { seen += chunk.toString(); });
    await expect.poll(() => seen).toMatch(/ADDED +before/);
    const path = configMap('watched', 'a: "1"', 'watched: "yes"');
    await kubectl('apply', '-f', path);
    await kubectl('delete', '-f', path);
    await expect.poll(() => seen).toMatch(/EVENT.*NAME[^]*ADDED +watched +1[^]*DELETED +watched/);
    watch.kill();
  });

  it('waits for conditions and for deletion', async () => {
    await kubectl('apply', '-f', mesh('waited'));
    const waiting = kubectl('wait', 'mesh/waited', '--for=condition=RolledOut', '--timeout=60s');
    await kubectl('patch', 'mesh', 'waited', '--subresource=status', '--type=merge', '-p', '{"status":{"conditions":[{"type":"RolledOut","status":"True","reason":"R","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}');
    expect(await waiting).toContain('condition met');
    await kubectl('patch', 'mesh', 'waited', '--type=merge', '-p', '{"metadata":{"finalizers":["isthmus.dev/hold"]}}');
    const deleting = kubectl('delete', 'mesh', 'waited', '--wait', '--timeout=60s');
    await expect.poll(() => kubectl('get', 'mesh', 'waited', '-o', 'jsonpath={.metadata.deletionTimestamp}')).not.toBe('');
    await kubectl('patch', 'mesh', 'waited', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    expect(await deleting).toContain('deleted');
    expect(await fails('get', 'mesh', 'waited')).toContain('meshes.isthmus.dev "waited" not found');
  });

  it('creates from arguments, and deletes a namespace with all that is in it', async () => {
    await kubectl('create', 'namespace', 'gone');
    await kubectl('create', 'configmap', 'x', '-n', 'gone', '--from-literal=a=1');
    await kubectl('create', 'secret', 'generic', 'y', '-n', 'gone', '--from-literal=password=hunter2');
    expect(await kubectl('get', 'secret', 'y', '-n', 'gone', '-o', 'jsonpath={.data.password}')).toBe(Buffer.from('hunter2').toString('base64'));
    await kubectl('delete', 'namespace', 'gone', '--wait', '--timeout=60s');
    expect(await kubectl('get', 'cm', '-A', '-o', 'jsonpath={.items[*].metadata.namespace}')).not.toContain('gone');
  });

  it('refuses what a schema refuses', async () => {
    expect(await fails('apply', '-f', mesh('typo', ', stratgy: x'))).toContain('unknown field "spec.stratgy"');
    expect(await fails('apply', '-f', mesh('bounds', ', allowVersionSkewMinors: 9'))).toContain('should be less than or equal to 4');
    expect(await fails('apply', '-f', file('name.yaml', 'apiVersion: v1\nkind: Namespace\nmetadata: {name: Not_A_Label}\n'))).toContain('RFC 1123 label');
    expect(await fails('get', 'deployments')).toContain('the server doesn\'t have a resource type "deployments"');
    await kubectl('apply', '--dry-run=server', '-f', mesh('dry'));
    expect(await fails('get', 'mesh', 'dry')).toContain('not found');
  });

  it('answers can-i and whoami', async () => {
    expect(await kubectl('auth', 'can-i', 'delete', 'meshes')).toBe('yes\n');
    expect(await kubectl('auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}')).toBe('admin');
    expect(await fails('--token=reader-token', 'get', 'secrets', '-n', 'shop')).toContain('secrets is forbidden: User "reader" cannot list resource "secrets" in API group "" in the namespace "shop"');
  });
});
