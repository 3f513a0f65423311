/** The agent's own image: another tag in its own Deployment, and nothing else of it. */
import { Deployment, type WorkloadObject } from '../../../mesh/api/resources/core.ts';
import { AGENT_FIELD_MANAGER } from '../../../mesh/model/managed.ts';
import type { CancelSignal } from '../../../mesh/ports/cancel.ts';
import { type KubernetesClient, KubernetesError } from '../../../mesh/ports/kubernetes.ts';
import type { AgentConfig } from '../ports.ts';

export type VersionOutcome = { readonly state: 'done' } | { readonly state: 'waiting' | 'refused'; readonly message: string };

const CONTAINER = 'agent';

/** Without tag and digest; a port is no tag. */
const repositoryOf = (image: string): string => image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');

export async function bringVersion(version: string, { client, config, dryRun }: { readonly client: KubernetesClient; readonly config: Pick<AgentConfig, 'version' | 'namespace' | 'deployment'>; readonly dryRun: boolean }, signal: CancelSignal): Promise<VersionOutcome> {
  if (config.version === version) return { state: 'done' };
  const { deployment: name, namespace } = config;
  if (name === undefined) return { state: 'refused', message: `agent: this agent was not told its Deployment (--deployment), so it cannot become ${version}; update it as it was installed` };
  const what = `Deployment ${namespace}/${name}`;
  try {
    const live = await client.get<WorkloadObject>(Deployment, { namespace, name }, signal);
    if (live === undefined) return { state: 'refused', message: `${what}: is not there; set the agent's --deployment to its own Deployment` };
    const containers = live.spec?.template?.spec?.containers ?? [];
    const index = containers.findIndex((container) => container.name === CONTAINER);
    const image = containers[index]?.image;
    if (image === undefined) return { state: 'refused', message: `${what}: has no container "${CONTAINER}" with an image` };
    const wanted = `${repositoryOf(image)}:${version}`;
    if (image !== wanted) {
      const place = `/spec/template/spec/containers/${index}`;
      await client.patch(Deployment, { namespace, name }, [
        { op: 'test', path: `${place}/name`, value: CONTAINER }, { op: 'test', path: `${place}/image`, value: image }, { op: 'replace', path: `${place}/image`, value: wanted },
      ], { type: 'json', fieldManager: AGENT_FIELD_MANAGER, dryRun }, signal);
    }
    return { state: 'waiting', message: `${what}: an agent of version ${version} has not started yet; this is ${config.version ?? 'of no version'}` };
  } catch (error) {
    if (!(error instanceof KubernetesError) || ![400, 403, 404, 422].includes(error.code)) throw error;
    return { state: 'refused', message: `${what}: refused: ${error.message}${error.code === 403 ? '; the chart of this agent gives that right, upgrade it' : ''}`.slice(0, 1024) };
  }
}
