/** What a cluster's Cilium is made of, as its agent found it: where its values are changed, by a run or by a person. */
import type { CiliumRelease } from '../../../mesh/model/cluster.ts';

/** Where Argo CD has its Applications when nobody says otherwise: marks on objects do not tell it. */
const ARGOCD_NAMESPACE = 'argocd';

/** As `--target` takes it; undefined: nothing that a bundle can write into, or not known for sure. */
export function targetOf(release: CiliumRelease | undefined): string | undefined {
  if (release === undefined || release.byLabelAlone === true) return undefined;
  if (release.tool === 'Argo CD') return `Application/${release.namespace ?? ARGOCD_NAMESPACE}/${release.name}`;
  return release.tool === 'Flux HelmRelease' && release.namespace !== undefined ? `HelmRelease/${release.namespace}/${release.name}` : undefined;
}

/** How its values are changed, as a sentence for people; empty: nothing is known. */
export function releaseText(cluster: string, release: CiliumRelease | undefined): string {
  if (release === undefined) return '';
  const { tool, name, namespace, byLabelAlone } = release;
  const called = `${tool === 'Argo CD' ? 'Application ' : tool === 'Helm' ? 'release ' : ''}${namespace === undefined ? '' : `${namespace}/`}${name}`;
  if (byLabelAlone === true) return `Cilium of ${cluster} may be brought by ${tool} (${called}): only label app.kubernetes.io/instance says so; where it is, give --target Application/${ARGOCD_NAMESPACE}/${name}.`;
  switch (tool) {
    case 'Helm': return `Cilium of ${cluster} is brought by Helm alone (${called}): helm upgrade ${name} cilium/cilium${namespace === undefined ? '' : ` -n ${namespace}`} --reuse-values -f FILE, with the file that -o yaml prints.`;
    case 'Flux Kustomization': return `Cilium of ${cluster} is brought by ${tool} ${called}: change the values in its source; -o yaml prints them.`;
    case 'Argo CD': return `Cilium of ${cluster} is brought by Argo CD (${called}${namespace === undefined ? `, taken to be in namespace ${ARGOCD_NAMESPACE}` : ''}): -o bundle writes the values into it.`;
    case 'Flux HelmRelease': return `Cilium of ${cluster} is brought by ${tool} ${called}: -o bundle writes the values into it.`;
  }
}
