/** What people may give a chart: with all of it helm lints and pods run without privileges, the program knows each flag, and what makes no sense is refused. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { KubernetesObject } from '../../mesh/ports/kubernetes.ts';
import { chartFolder, refusal, renderChart, ROOT, run } from './helm.ts';
import { CHARTS, helm, MINIMAL, podOf, VALUES, withoutHelm } from './rendered.ts';

describe.skipIf(withoutHelm !== undefined)('charts', () => {
  test.each(VALUES)('helm lint --strict $chart with $file', async ({ chart, path }) => {
    const { status, stdout, stderr } = await run(helm, ['lint', '--strict', chartFolder(chart), '--values', path]);
    expect(status, `${stdout}${stderr}`).toBe(0);
  });

  test.each(VALUES)('pods of $chart with $file run without any privilege', async ({ chart, path }) => {
    const objects = await renderChart(helm, chart, ['--values', path]);
    const { spec } = podOf(objects);
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: { type: 'RuntimeDefault' } });
    expect(spec.containers).toHaveLength(1);
    expect(spec.initContainers).toBeUndefined();
    expect(spec.hostNetwork).toBeUndefined();
    for (const container of spec.containers) {
      expect(container.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
      expect(container.resources?.requests).toBeDefined();
      expect(container.resources?.limits).toHaveProperty('memory');
      expect(container.livenessProbe?.httpGet).toEqual({ path: '/healthz', port: 'health' });
      expect(container.readinessProbe?.httpGet).toEqual({ path: '/readyz', port: 'health' });
      const [data, ...others] = container.volumeMounts ?? [];
      expect(data).toEqual({ name: 'data', mountPath: '/var/lib/isthmus' });
      for (const other of others) expect(other).toMatchObject({ readOnly: true });
    }
    for (const { name, ...from } of spec.volumes ?? []) if (name !== 'data') expect(Object.keys(from)).toEqual([name === 'root-key' ? 'secret' : name === 'join' ? 'projected' : 'configMap']);
    for (const object of objects.filter(({ kind }) => kind !== 'CustomResourceDefinition')) {
      expect(object.metadata.labels, `${object.kind} ${object.metadata.name}`).toMatchObject({ 'app.kubernetes.io/name': chart, 'app.kubernetes.io/part-of': 'isthmus', 'helm.sh/chart': `${chart}-0.1.0` });
    }
  });

  test.each(CHARTS)('the program knows every flag of %s', async (chart) => {
    const known = (await run(process.execPath, [join(ROOT, 'controller/cli/main.ts'), chart.replace('isthmus-', ''), '--help'])).stdout;
    for (const { path } of VALUES.filter((values) => values.chart === chart)) {
      const [command, ...flags] = podOf(await renderChart(helm, chart, ['--values', path])).spec.containers[0]!.args;
      expect(chart).toBe(`isthmus-${command}`);
      for (const flag of flags) expect(known, flag).toMatch(new RegExp(`${flag.split('=')[0]}[ ,]`));
    }
  });

  test('alerts and their scraping come where the operator is, or when asked for, as values want them', async () => {
    const of = async (...more: readonly string[]): Promise<readonly KubernetesObject[]> =>
      (await renderChart(helm, 'isthmus-hub', [...MINIMAL['isthmus-hub'], ...more])).filter(({ apiVersion }) => apiVersion.startsWith('monitoring.'));
    const operator = ['ServiceMonitor', 'PrometheusRule'].flatMap((kind) => ['--api-versions', `monitoring.coreos.com/v1/${kind}`]);
    expect(await of()).toEqual([]);
    expect((await of(...operator, '--set', 'monitoring.rules=never')).map(({ kind }) => kind)).toEqual(['ServiceMonitor']);
    expect((await of('--set', 'monitoring.rules=always')).map(({ kind }) => kind)).toEqual(['PrometheusRule']);
    const plain = parse(readFileSync(join(chartFolder('isthmus-hub'), 'files/alerts/isthmus.rules.yaml'), 'utf8')) as { readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly for?: string; readonly annotations: { readonly runbook_url: string } }[] }[] };
    const [rule, monitor] = await of(...operator) as readonly (KubernetesObject & { readonly spec: typeof plain })[];
    expect(rule!.spec).toEqual(plain);
    expect(monitor).toMatchObject({ spec: { endpoints: [{ port: 'metrics' }] } });
    const [changed] = await of(...operator, '--set', 'monitoring.without={IsthmusRunWaits}', '--set', 'monitoring.for.IsthmusRunPaused=2h', '--set', 'monitoring.runbooks=https://docs.example.com/', '--set', 'monitoring.labels.release=prometheus') as readonly (KubernetesObject & { readonly spec: typeof plain })[];
    expect(changed!.metadata.labels).toMatchObject({ release: 'prometheus' });
    const rules = changed!.spec.groups.flatMap((group) => group.rules);
    expect(rules.map(({ alert }) => alert)).toEqual(plain.groups.flatMap((group) => group.rules.map(({ alert }) => alert)).filter((alert) => alert !== 'IsthmusRunWaits'));
    expect(rules.find(({ alert }) => alert === 'IsthmusRunPaused')).toMatchObject({ for: '2h', annotations: { runbook_url: 'https://docs.example.com/docs/reference/alerts.md#isthmusrunpaused' } });
  });

  test.each([
    { chart: 'isthmus-hub', values: [], says: /advertise/ },
    { chart: 'isthmus-hub', values: ['--set', 'gateway.advertise=hub.example.com'], says: /advertise/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'replicas=2'], says: /existingSecret/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'replicas=0'], says: /replicas/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'gateway.service.type=ExternalName'], says: /type/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'gateway.port=80'], says: /port/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'logLevel=loud'], says: /logLevel/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'inventory.argocdNamespaces={Argo}'], says: /argocdNamespaces/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'gates.secrets={isthmus-authority}'], says: /secrets/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'notifications[0].url=https://ada:secret@chat'], says: /notifications/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'monitoring.rules=true'], says: /monitoring/ },
    { chart: 'isthmus-hub', values: [...MINIMAL['isthmus-hub'], '--set', 'monitoring.for.Nothing=2h'], says: /there is no alert "Nothing"; there are IsthmusHubMissing, / },
    { chart: 'isthmus-agent', values: ['--set', 'hub.address=hub.example.com:8443'], says: /name/ },
    { chart: 'isthmus-agent', values: ['--set', 'cluster.name=berlin'], says: /address/ },
    { chart: 'isthmus-agent', values: ['--set', 'cluster.name=Berlin', '--set', 'hub.address=h:1'], says: /name/ },
    { chart: 'isthmus-agent', values: ['--set', 'cluster.name=default', '--set', 'hub.address=h:1'], says: /name/ },
    { chart: 'isthmus-agent', values: ['--set', `cluster.name=${'a'.repeat(33)}`, '--set', 'hub.address=h:1'], says: /name/ },
    { chart: 'isthmus-agent', values: [...MINIMAL['isthmus-agent'], '--set', 'clutser.name=oslo'], says: /clutser/ },
    { chart: 'isthmus-agent', values: [...MINIMAL['isthmus-agent'], '--set', 'join.token=half-a-token'], says: /token/ },
  ] as const)('$chart refuses $values', async ({ chart, values, says }) => {
    const said = await refusal(helm, chart, values);
    // Names of alerts are in the rules' file alone: the template refuses what the schema cannot know.
    if (!values.some((value) => value.startsWith('monitoring.for.'))) expect(said).toContain("values don't meet the specifications of the schema");
    expect(said).toMatch(says);
  });
});
