import { describe, expect, test } from 'vitest';
import { inOrderOf } from './order.ts';
import { freezeTargets, strategyProblem } from './targets.ts';
import { newRun, Rig, stage, strategyOf, view } from './testing/rig.ts';
import { strategyWarnings } from './warnings.ts';

const change = (cluster: string, more = {}) => ({ cluster, fromId: 'old', toId: 'new', ...more });

describe('freezing', () => {
  const fleet = [view('berlin', { tier: '10' }), view('oslo', { tier: '9' }), view('paris'), view('rome', { tier: 'gold' })];

  test('puts each cluster into the first stage and group that select it', () => {
    const strategy = strategyOf([
      stage('first', ['berlin', 'oslo'], { groups: [{ name: 'b', clusters: { names: ['b*'] } }, { name: 'all', clusters: { names: ['b*', 'x*'] } }] }),
      stage('second', ['oslo', 'paris']),
    ]);
    const rows = freezeTargets(strategy, fleet, [...['rome', 'paris', 'oslo', 'berlin'].map((name) => change(name)), change('unknown'), change('same', { fromId: 'new' })]);
    expect(rows.map(({ cluster, stage: number, group }) => [cluster, number, group])).toEqual([['berlin', 0, 0], ['oslo', 0, undefined], ['paris', 1, undefined], ['rome', 2, undefined], ['unknown', 2, undefined]]);
  });

  test('goes by a label, property or fact: numbers as numbers, versions as versions, the rest by text, then those without it, then by name', () => {
    const rows = freezeTargets(strategyOf([stage('all', ['*'], { orderBy: 'tier' })]), fleet, fleet.map(({ name }) => change(name)));
    expect(rows.map(({ cluster, order }) => [cluster, order])).toEqual([['oslo', 0], ['berlin', 1], ['rome', 2], ['paris', 3]]);
    const versions = ['1.9.0', '1.10.0', '1.10.0'].map((value, index) => view(`c${index}`, {}, { facts: { 'agent-version': { value } } }));
    expect(inOrderOf('agent-version', ['c2', 'c1', 'c0'], new Map(versions.map((one) => [one.name, one])))).toEqual(['c0', 'c1', 'c2']);
    const property = view('a', {}, { properties: [{ name: 'load', value: '2', source: 'declared', observedAt: 0 }] });
    expect(inOrderOf('load', ['z', 'a'], new Map([['a', property]]))).toEqual(['a', 'z']);
  });

  test('keeps what a rollback needs: what it had, or the way back that is given; nothing where it had nothing', () => {
    const rows = freezeTargets(strategyOf([stage('all', ['*'])]), fleet, [change('berlin'), change('oslo', { fromId: null }), change('paris', { fromId: null, backId: 'bare', failingBefore: true, fast: true })]);
    expect(rows.map(({ backId }) => backId)).toEqual(['old', undefined, 'bare']);
    expect(rows[2]).toMatchObject({ failingBefore: true, fast: true });
  });

  test('the order is kept whatever the order of the rows', () => {
    const run = newRun(strategyOf([stage('all', ['*'])]), ['a', 'b', 'c']);
    const rig = new Rig({ ...run, targets: run.targets.map((target, index) => ({ ...target, order: 2 - index })) });
    rig.after();
    expect(rig.rows).toBe('a=Pending b=Pending c=Assigned');
  });

  test('clusters that no stage selects go last, one at a time, or not at all', () => {
    const last = new Rig(newRun(strategyOf([stage('one', ['a'])]), ['a', 'b', 'c']));
    last.after();
    last.apply(['a']).after();
    expect(last.rows).toBe('a=Done b=Assigned c=Pending');
    const left = new Rig(newRun(strategyOf([stage('one', ['a'])], { remaining: 'Skip' }), ['a', 'b', 'c']));
    left.after();
    expect(left.rows).toBe('a=Assigned b=Skipped c=Skipped');
    expect(left.row('b').message).toBe('no stage of the strategy selects it');
    expect(left.finish().phase).toBe('Completed');
  });

  test('says which selector means nothing', () => {
    expect(strategyProblem(strategyOf([stage('remaining', ['*'])]))).toMatch(/^stage remaining: the name is that of/);
    expect(strategyProblem(strategyOf([stage('a', [])]))).toMatch(/^stage a: clusters: names/);
    expect(strategyProblem(strategyOf([stage('a', ['*'], { groups: [{ name: 'g', clusters: { names: [] } }] })]))).toMatch(/^stage a: group g: clusters: names/);
  });
});

describe('warnings', () => {
  const fleet = ['a', 'b', 'c', 'd'].map((name) => view(name));
  test.each<[Parameters<typeof strategyOf>[0], Parameters<typeof strategyOf>[1], string[]]>([
    [[stage('one', ['a'], { maxConcurrency: 1 }), stage('two', ['*'], { maxConcurrency: 2, maxFailures: 1 })], {}, ['stages one and two both select a; a cluster goes into the first stage that selects it']],
    [[stage('one', ['*'], { maxConcurrency: '100%' })], {}, ['stage one: maxConcurrency 100% is all of its 4 clusters: they change at once']],
    [[stage('one', ['*'], { maxConcurrency: '10%', maxUnavailable: '10%' })], {}, ['stage one: maxConcurrency 10% of 4 clusters is less than one, and counts as 1', 'stage one: maxUnavailable 10% of 4 clusters is less than one, and counts as 1']],
    [[stage('one', ['*'], { maxFailures: 4, maxUnavailable: 9 })], {}, ['stage one: maxFailures 4 is not less than its 4 clusters: no failure stops the run', 'stage one: maxUnavailable 9 is all of its 4 clusters: nothing need be left that works']],
    [[stage('one', ['*'], { minDone: 9 })], {}, ['stage one: minDone 9 is more than its 4 clusters, and counts as 4']],
    [[stage('one', ['*'], { minDone: '75%', maxFailures: 2 })], {}, ['stage one: minDone 75% leaves no room for maxFailures 2: after so many failures nothing follows until a person resumes']],
    [[stage('one', ['*'])], { maxUnavailable: 4 }, ['the run: maxUnavailable 4 is all of its 4 clusters: nothing need be left that works']],
    [[stage('one', ['*'], { maxFailures: 2, maxUnavailable: 1 })], {}, ['stage one: maxUnavailable 1 is not more than maxFailures 2: after so many failures nothing goes on until clusters recover']],
    [[stage('none', ['x'], { before: [{ name: 'p', approval: { count: 1, groups: [] } }] }), stage('one', ['*'])], {}, ['stage none selects no cluster: its gates are not asked']],
    [[stage('one', ['*'], { groups: [{ name: 'g', clusters: { names: ['x'] } }, { name: 'h', clusters: { names: ['a', 'b'] }, maxConcurrency: 2 }] })], {}, ['group g of stage one selects no cluster', 'group h of stage one: maxConcurrency 2 is all of its 2 clusters: they change at once']],
    [[stage('one', ['a', 'b'])], {}, ['no stage selects c, d: one at a time at the end']],
    [[stage('one', ['a', 'b'])], { remaining: 'Skip', maxFailures: '100%' }, ['the run: maxFailures 100% is not less than its 4 clusters: no failure stops the run', 'no stage selects c, d: left out']],
    [[stage('one', ['*']), stage('two', ['a', 'b', 'c', 'd'])], {}, ['stages one and two both select a, b, c and 1 more; a cluster goes into the first stage that selects it', 'stage two has no cluster that no earlier stage selects']],
    [[stage('one', ['*'])], {}, []],
  ])('%j %j', (stages, more, warnings) => {
    expect(strategyWarnings(strategyOf(stages, more), fleet)).toEqual(warnings);
  });
});

test('a cluster that failed on its state is given it once more where that is asked, with the way back that it had', () => {
  const changes = [
    { cluster: 'berlin', fromId: 'new', toId: 'new', backId: 'old', failingBefore: true, again: true }, { cluster: 'cork', fromId: 'old', toId: 'new', backId: 'old', failingBefore: true },
    { cluster: 'paris', fromId: 'old', toId: 'new' }, { cluster: 'rome', fromId: 'old', toId: 'new', backId: 'old' }, { cluster: 'turin', fromId: 'new', toId: 'new', backId: 'old' },
  ];
  expect(freezeTargets(strategyOf([stage('all', ['*'])]), [], changes).map(({ cluster, backId }) => [cluster, backId])).toEqual([['berlin', 'old'], ['cork', 'old'], ['paris', 'old'], ['rome', 'old']]);
});
