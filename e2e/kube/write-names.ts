/** What the hub's chart installs where the API server has it, and the embedded API does by itself: who changes what is written down. It counts a moment after it is there. */
import { stampObjects } from '../../mesh/api/resources/guards.ts';
import { type KubernetesClient, KubernetesError, type KubernetesObject, type ResourceKind } from '../../mesh/ports/kubernetes.ts';

const kind = (name: string, plural: string): ResourceKind => ({ group: 'admissionregistration.k8s.io', version: 'v1', kind: name, plural, namespaced: false });
const KINDS = [kind('MutatingAdmissionPolicy', 'mutatingadmissionpolicies'), kind('MutatingAdmissionPolicyBinding', 'mutatingadmissionpolicybindings')] as const;

export async function writeNames(client: KubernetesClient): Promise<void> {
  for (const [index, object] of stampObjects('v1').entries()) {
    try {
      await client.create(KINDS[index]!, object as KubernetesObject, { fieldManager: 'helm' }, new AbortController().signal);
    } catch (error) {
      if (!(error instanceof KubernetesError && error.code === 404)) throw error;
    }
  }
}
