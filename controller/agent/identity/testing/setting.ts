/** An agent's identity with a hub of its own and an API server in memory. */
import { Secret, type SecretObject } from '../../../../mesh/api/resources/core.ts';
import { p256Signer } from '../../../adapters/signer.ts';
import { recordingLog, seededRandom } from '../../../runtime/testing/fakes.ts';
import { manualClock } from '../../../runtime/testing/manual-clock.ts';
import { memoryKubernetes } from '../../../runtime/testing/memory-kubernetes.ts';
import { createAgentIdentity } from '../identity.ts';
import { testHub, type TestHub } from './hub.ts';

const signal = new AbortController().signal;

export async function setting() {
  const clock = manualClock();
  return { clock, hub: await testHub(clock), kubernetes: memoryKubernetes(), log: recordingLog() };
}
export type Setting = Awaited<ReturnType<typeof setting>>;
export const agent = ({ clock, hub, kubernetes, log }: Setting, joinToken: string | undefined, overrides: { cluster?: string; hub?: TestHub } = {}) =>
  createAgentIdentity(
    { kubernetes, hub: (overrides.hub ?? hub).connector, signer: p256Signer, clock, random: seededRandom(3), log },
    { cluster: overrides.cluster ?? 'berlin', namespace: 'isthmus-system', hubAddress: '', joinToken },
  );
export const stored = async ({ kubernetes }: Setting) =>
  (await kubernetes.get<SecretObject>(Secret, { namespace: 'isthmus-system', name: 'isthmus-agent-identity' }, signal))?.data ?? {};
