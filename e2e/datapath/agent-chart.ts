/** What the agent's chart installs short of its pod: here agents run as processes of the tests. */
import { stringify } from 'yaml';
import { findHelm, renderChart } from '../charts/helm.ts';

const LEFT_OUT = ['Deployment', 'PersistentVolumeClaim', 'Service', 'NetworkPolicy'];

/** YAML, with the namespace that Helm would make. */
export async function agentChart(cluster: string, hub: string): Promise<string> {
  const objects = await renderChart(findHelm() ?? 'helm', 'isthmus-agent', ['--set', `cluster.name=${cluster}`, '--set', `hub.address=${hub}`]);
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'isthmus-system' } };
  return [namespace, ...objects.filter(({ kind }) => !LEFT_OUT.includes(kind ?? ''))].map((object) => stringify(object)).join('---\n');
}
