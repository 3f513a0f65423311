/** What our words say of another project's kind, its own definition says too: the same fields, types, limits and rules, for all that our words name. */
import { describe, expect, test } from 'vitest';
import { OTHER_DEFINITIONS } from '../../../controller/hub/others/testing/definitions.ts';
import { upstreamDefinitions } from '../upstream/definitions.ts';
import { prepareUpstream } from '../upstream/prepare.ts';
import { type Schema, wordsThatDiffer } from './words.ts';

const text = { type: 'string', maxLength: 10 };

describe('a schema in our words beside the project\'s', () => {
  const theirs: Schema = { type: 'object', description: 'a thing', required: ['a', 'b'], properties: { a: text, b: { type: 'array', items: text }, c: text } };
  test.each<readonly [string, Schema, readonly string[]]>([
    ['the same', { type: 'object', required: ['a', 'b'], properties: { a: text, b: { type: 'array', items: text } } }, []],
    ['whatever is inside', { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }, []],
    ['another limit', { type: 'object', required: ['a', 'b'], properties: { a: { ...text, maxLength: 11 }, b: { type: 'array' } } }, ['a: maxLength is 11, theirs 10']],
    ['a limit of theirs that we lack', { type: 'object', required: ['a', 'b'], properties: { a: { type: 'string' }, b: { type: 'array', items: { type: 'string' } } } }, ['a: maxLength is undefined, theirs 10', 'b[]: maxLength is undefined, theirs 10']],
    ['a field that they lack', { type: 'object', required: ['a', 'b'], properties: { a: text, b: { type: 'array', items: text }, d: text } }, ['d: they have no such field']],
    ['a field that they require', { type: 'object', required: ['a'], properties: { a: text } }, [': required is ["a"], theirs ["a","b"]']],
  ])('%s', (_, ours, expected) => { expect(wordsThatDiffer(ours, theirs)).toEqual(expected); });
});

const problem = await prepareUpstream();
if (problem !== undefined) console.log(`our words are not compared with the projects' definitions: ${problem}`);

describe.skipIf(problem !== undefined)('our words beside the projects\' definitions', () => {
  const upstream = problem === undefined ? upstreamDefinitions() : [];
  const compared = OTHER_DEFINITIONS.filter((words) => upstream.some(({ metadata: { name } }) => name === words.metadata.name));

  test('of the four kinds all but ClusterProfile are published', () => {
    expect(compared.map(({ metadata: { name } }) => name)).toEqual(expect.arrayContaining(['clusters.cluster.x-k8s.io', 'kustomizations.kustomize.toolkit.fluxcd.io', 'helmreleases.helm.toolkit.fluxcd.io']));
  });

  test.each(compared.flatMap((words) => words.spec.versions.map((version) => ({ name: `${words.metadata.name} ${version.name}`, words, version }))))('$name', ({ words, version }) => {
    const theirs = upstream.find(({ metadata: { name } }) => name === words.metadata.name)!.spec;
    const same = theirs.versions.find(({ name }) => name === version.name);
    expect(theirs).toMatchObject({ group: words.spec.group, scope: words.spec.scope, names: { kind: words.spec.names.kind, plural: words.spec.names.plural } });
    expect(same).toMatchObject({ served: true, storage: version.storage });
    expect(wordsThatDiffer(version.schema.openAPIV3Schema, same!.schema.openAPIV3Schema)).toEqual([]);
  });
});
