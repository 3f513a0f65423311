import { expect, test } from 'vitest';
import { type KubernetesClient, KubernetesError, KubernetesUnreachable, type ResourceKind } from '../../mesh/ports/kubernetes.ts';
import { servedVersion } from './served.ts';

const version = (name: string): ResourceKind => ({ group: 'example.dev', version: name, kind: 'Thing', plural: 'things', namespaced: true });
const VERSIONS = [version('v2'), version('v1')];
const never = new AbortController().signal;

/** What a server answers to the lists of both versions, in their order. */
async function asked(...answers: (200 | 403 | 404 | 500 | 'nothing')[]) {
  const lists: unknown[] = [];
  const client = {
    list: async (kind: ResourceKind, options: object) => {
      lists.push([kind.version, options]);
      const answer = answers[lists.length - 1];
      if (answer === 'nothing') throw new KubernetesUnreachable('list things: no answer in time');
      if (answer !== 200) throw new KubernetesError(answer ?? 500, 'Refused', 'refused');
      return { items: [], metadata: {} };
    },
  } as unknown as KubernetesClient;
  const found = await servedVersion(client, VERSIONS, { namespace: 'shop' }, never).catch((error: unknown) => (error as Error).name);
  return { found: typeof found === 'string' ? found : found.version, lists: lists.length, first: lists[0] };
}

test.each([
  ['the first version that is there', [200], 'v2', 1],
  ['a later one where the first is not there', [404, 200], 'v1', 2],
  ['none where there is none', [404, 404], 'absent', 2],
  ['forbidden at the first refusal', [403], 'forbidden', 1],
  ['forbidden though another version is not there', [404, 403], 'forbidden', 2],
  ['no word where the server fails', [500], 'KubernetesError', 1],
  ['no word where it gives no answer', [404, 'nothing'], 'KubernetesUnreachable', 2],
] as const)('%s', async (_name, answers, found, lists) => {
  expect(await asked(...answers)).toEqual({ found, lists, first: ['v2', { namespace: 'shop', limit: 1 }] });
});
