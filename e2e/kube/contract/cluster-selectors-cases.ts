/** Selectors of clusters in objects: what is taken and comes back as it was written, and what definitions refuse. */
import { beforeAll, describe, expect, test } from 'vitest';
import { Mesh, UpdateStrategy } from '../../../mesh/api/resources/index.ts';
import { meshSpec } from '../../../mesh/api/resources/mesh.ts';
import { crdOf } from '../../../mesh/api/schema/crd.ts';
import { type ClusterSelector, matchesSelector, selectorProblem } from '../../../mesh/model/selector.ts';
import type { Answer, ServerSubject } from './subject.ts';
import { invalid, type Refusal, refusal, serve, TYPES } from './writing.ts';

const MESHES = '/apis/isthmus.dev/v1alpha1/meshes';
const STRATEGIES = '/apis/isthmus.dev/v1alpha1/updatestrategies';
const expression = (key: string, operator: string, ...values: readonly string[]): object => ({ key, operator, ...(values.length === 0 ? {} : { values }) });

export function clusterSelectorsCases(subject: () => ServerSubject): void {
  const mesh = (name: string, clusters: object, query = ''): Promise<Answer> => subject().ask('POST', MESHES + query, { body: { apiVersion: 'isthmus.dev/v1alpha1', kind: 'Mesh', metadata: { name }, spec: { clusters } } });
  /** Without the word that rules were not asked about an object of the wrong shape. */
  const refused = async (clusters: object): Promise<Refusal> => {
    const { causes, ...rest } = refusal(await mesh('selectors-refused', clusters, '?dryRun=All'));
    return { ...rest, causes: causes.filter((cause) => cause !== 'FieldValueInvalid <nil>') };
  };

  describe('selectors of clusters', () => {
    beforeAll(async () => {
      await serve(subject(), crdOf(Mesh), [MESHES]);
      await serve(subject(), crdOf(UpdateStrategy), [STRATEGIES]);
    });

    test('globs, lists and what is left out, as a person writes them', async () => {
      const selector = '{labels: {env: production, region: eu-*}, exclude_labels: {team: [payments, trading]}}';
      const made = await subject().ask('POST', MESHES, { type: TYPES.yaml, raw: `apiVersion: isthmus.dev/v1alpha1\nkind: Mesh\nmetadata: {name: selectors-written}\nspec:\n  clusters: ${selector}\n` });
      expect(made.code, JSON.stringify(made.body)).toBe(201);
      const read = await subject().ask('GET', `${MESHES}/selectors-written`);
      expect(read.body.spec.clusters).toEqual({ labels: { env: 'production', region: 'eu-*' }, exclude_labels: { team: ['payments', 'trading'] } });
      const clusters = meshSpec.parse(read.body.spec).clusters as ClusterSelector;
      expect(selectorProblem(clusters)).toBeUndefined();
      const matches = (labels: Readonly<Record<string, string>>): boolean => matchesSelector(clusters, { name: 'oslo', labels, properties: [] });
      expect([
        matches({ env: 'production', region: 'eu-north-1' }), matches({ env: 'production', region: 'eu-west-1', team: 'web' }), matches({ env: 'production', region: 'eu-west-1', team: 'payments' }),
        matches({ env: 'production', region: 'us-east-1' }), matches({ region: 'eu-north-1' }),
      ]).toEqual([true, true, false, false, false]);
    });

    test('expressions and CEL come back as they were written', async () => {
      const clusters = {
        names: ['o*'], cel: 'labels.env == "production" && semver(facts["kubernetes-version"]).compareTo("1.30") >= 0',
        match_expressions: [expression('team', 'NotIn', 'payments', 'trad*'), expression('region', 'Exists'), expression('retired', 'DoesNotExist'), expression('agent-version', 'Ge', '1.4'), expression('nodes', 'Lt', '200'), expression('tier', 'In', '1')],
      };
      const made = await mesh('selectors-expressions', clusters);
      expect(made.code, JSON.stringify(made.body)).toBe(201);
      expect(made.body.spec.clusters).toEqual(clusters);
      expect(selectorProblem(meshSpec.parse(made.body.spec).clusters as ClusterSelector)).toBeUndefined();
    });

    test('what an operator cannot mean is refused', async () => {
      const field = 'spec.clusters.match_expressions[0]';
      expect(await refused({ match_expressions: [expression('team', 'Equals', 'web')] })).toEqual(invalid(`FieldValueNotSupported ${field}.operator`));
      expect(await refused({ match_expressions: [expression('', 'Exists')] })).toEqual(invalid(`FieldValueInvalid ${field}.key`));
      expect(await refused({ match_expressions: [{ operator: 'Exists' }] })).toEqual(invalid(`FieldValueRequired ${field}.key`));
      expect(await refused({ match_expressions: [expression('team', 'In')] })).toEqual(invalid(`FieldValueInvalid ${field}`));
      expect(await refused({ match_expressions: [expression('team', 'Exists', 'web')] })).toEqual(invalid(`FieldValueInvalid ${field}`));
      expect(await refused({ match_expressions: [expression('nodes', 'Gt', '1', '2')] })).toEqual(invalid(`FieldValueInvalid ${field}`));
      const said = await mesh('selectors-refused', { match_expressions: [expression('nodes', 'Gt', '1', '2')] }, '?dryRun=All');
      expect(said.body.message).toContain('Gt, Ge, Lt and Le take exactly one value');
    });

    test('bounds', async () => {
      expect(await refused({ cel: '' })).toEqual(invalid('FieldValueInvalid spec.clusters.cel'));
      expect(await refused({ cel: `labels.env == "${'x'.repeat(1024)}"` })).toEqual(invalid('FieldValueTooLong spec.clusters.cel'));
      expect(await refused({ match_expressions: Array.from({ length: 33 }, () => expression('team', 'Exists')) })).toEqual(invalid('FieldValueTooMany spec.clusters.match_expressions'));
      expect(await refused({ match_expressions: [expression('team', 'In', 'x'.repeat(257))] })).toEqual(invalid('FieldValueTooLong spec.clusters.match_expressions[0].values[0]'));
    });

    test('the same holds deep within an object', async () => {
      const strategy = (clusters: object): Promise<Answer> => subject().ask('POST', `${STRATEGIES}?dryRun=All`, { body: { apiVersion: 'isthmus.dev/v1alpha1', kind: 'UpdateStrategy', metadata: { name: 'selectors' }, spec: { stages: [{ name: 'canary', clusters }] } } });
      expect((await strategy({ match_expressions: [expression('stage', 'In', 'canary')] })).code).toBe(201);
      expect(refusal(await strategy({ match_expressions: [expression('stage', 'In')] }))).toEqual(invalid('FieldValueInvalid spec.stages[0].clusters.match_expressions[0]'));
    });
  });
}
