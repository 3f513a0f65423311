import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeQuery, matchesQuery, parseQuery } from './query.ts';

const oslo = { name: 'oslo', labels: { stage: 'canary', '0/a': 'x' }, properties: [{ name: 'region', value: 'europe' }, { name: 'in', value: 'yes' }, { name: 'empty', value: '' }] };

test.each([
  ['', true], ['  ', true],
  ['region=europe,stage!=frozen', true], ['region = eur* , stage == can?ry', true], ['region=asia', false], ['region!=europe', false],
  ['missing!=x', true], ['missing=*', false], ['missing', false], ['!missing', true], ['! region', false], ['region', true],
  ['region in (asia, eur*)', true], ['region notin (asia,eur*)', false], ['missing notin (a)', true], ['missing in (a)', false], ['region in(europe)', true],
  ['name=os*', true], ['name!=oslo', false], ['in=yes', true], ['in in (yes)', true], ['empty=', true], ['region=', false], ['0/a=x', true], ['inside', false],
])('%j: %s', (text, expected) => {
  const parsed = parseQuery(text);
  expect('query' in parsed && matchesQuery(parsed.query, oslo)).toBe(expected);
});

test.each([
  ['=x', 1, /expected a key/], ['a=b,', 5, /another term/], ['a,,b', 3, /expected a key/], ['a in b', 6, /expected "\("/], ['a in (b', 8, /expected "," or "\)"/], ['a b', 3, /found "b"/],
  ['a=(b)', 3, /found "\("/], ['x'.repeat(5000), 4097, /at most 4096/],
])('%s: column %i', (text, column, problem) => {
  expect(parseQuery(text)).toEqual({ problem: expect.stringMatching(problem) as string, column });
});

const KEYS = new Set(['region', 'team', 'ready-for-production', 'limit']);
test.each<[string, number, RegExp, string | undefined]>([
  ['regon=eu', 1, /no cluster has a label or property "regon", and it is no fact; did you mean "region"\?/, 'region'],
  ['region=eu, agent-verison<1.4', 12, /did you mean "agent-version"/, 'agent-version'],
  ['region=eu,kubernetes_version>1.30', 11, /did you mean "kubernetes-version"/, 'kubernetes-version'],
  ['!forzen', 2, /did you mean "frozen"/, 'frozen'],
  ['qqqq=1', 1, /it is no fact$/, undefined],
  ['region=eu order by lastchange', 20, /did you mean "last-change"/, 'last-change'],
  ['ready=yes', 7, /ready is true or false, not "yes"; did you mean "true"/, 'true'],
  ['frozen in (true, no)', 18, /frozen is true or false, not "no"; did you mean "false"/, 'false'],
  ['agent-version<new', 15, /agent-version is compared with "new", which is not a version \(1\.4\)/, undefined],
  ['nodes>7d', 7, /nodes is compared with "7d", which is not a number/, undefined],
  ['last-change<3', 13, /which is not a time .* or an age/, undefined],
  ['certificate-not-after<soon', 23, /which is not a time .* or a span/, undefined],
  ['issuer<3', 1, /issuer has no order; use =, != or in/, undefined],
  ['architecture>amd64', 1, /architecture has no order/, undefined],
  ['team<blue', 6, /not a number, a quantity \(4Gi\), a version \(1\.4\), a time .* or an age \(7d\)/, undefined],
  ['nodes=<3', 6, /"=<" is no comparison; did you mean "<="/, '<='],
  ['nodes=>3', 6, /"=>" is no comparison; did you mean ">="/, '>='],
  ['frozen and ready', 8, /found "a"; did you mean ","/, ','],
  ['region inn (eu)', 8, /found "i"; did you mean "in"/, 'in'],
  ['ready ordr by team', 7, /found "o"; did you mean "order by"/, 'order by'],
  ['order by team decs', 15, /expected desc, "," or limit, found "d"; did you mean "desc"/, 'desc'],
  ['limit many', 7, /expected a whole number from 1 to 1000000 after limit, found "m"/, undefined],
  ['limit 0', 7, /expected a whole number/, undefined],
  ['limit 3 order by team', 9, /expected the end, found "o"/, undefined],
  ['region="eu', 8, /expected a closing quote/, undefined],
  [Array.from({ length: 33 }, () => 'region=eu').join(','), 321, /at most 32 terms/, undefined],
  ['order by team, team, team, team, team', 34, /at most 4 keys/, undefined],
])('%s: column %i and proposal', (text, column, problem, proposal) => {
  expect(parseQuery(text, KEYS)).toEqual({ problem: expect.stringMatching(problem) as string, column, ...(proposal === undefined ? {} : { proposal }) });
});

const NOW = Date.UTC(2026, 0, 31);
const bern = {
  name: 'bern', labels: { team: 'a, (b)', version: '1.10' }, properties: [{ name: 'ready', value: 'false', source: 'observed' }, { name: 'driver', value: '535.104.05', source: 'observed' }],
  facts: {
    ready: { value: true }, frozen: { value: true, until: NOW }, 'agent-version': { value: '1.10.0-rc.1' }, 'memory-capacity': { value: 4 * 2 ** 30 }, 'last-change': { value: '2026-01-24T00:00:00.000Z' },
    'certificate-not-after': { value: '2026-02-10T00:00:00.000Z' }, architecture: { value: 'amd64,arm64', values: ['amd64', 'arm64'] }, gpu: { value: '', values: [] },
  },
};
test.each<[string, boolean | undefined]>([
  ['ready', true], ['!ready', false], ['ready=true', true], ['frozen', false], ['!frozen', true], ['frozen=false', true],
  ['agent-version<1.10', true], ['agent-version>=1.10.0-alpha', true], ['agent-version>1.9.9', true], ['memory-capacity=4Gi', true], ['memory-capacity>=4G', true], ['memory-capacity<4Gi', false],
  ['last-change<=7d', true], ['last-change<7d', false], ['last-change>6d23h', true], ['last-change<2026-01-25', true], ['certificate-not-after<30d', true], ['certificate-not-after<1w', false],
  ['architecture=arm64', true], ['architecture!=arm64', false], ['architecture', true], ['gpu', false], ['!gpu', true], ['gpu=*', false],
  ['team="a, (b)"', true], ['version<1.9', true], ['version<v1.9', false], ['driver>=535.54.3', true], ['driver<535', false], ['team<3', false],
  ['joined', undefined], ['!joined', undefined], ['joined=true', undefined], ['joined!=true', undefined], ['nodes<3', undefined], ['nodes!=3', undefined], ['zone', undefined], ['nodes', undefined], ['!nodes', undefined],
  ['nodes<3,ready', undefined], ['nodes<3,!ready', false], ['unheard<3', false], ['unheard!=3', true],
])('%s: %s', (text, expected) => {
  const parsed = parseQuery(text);
  expect('query' in parsed && judgeQuery(parsed.query, bern, NOW)).toBe(expected);
});

test('an order and a limit are read', () => {
  const read = (text: string) => { const parsed = parseQuery(text, KEYS); return 'query' in parsed ? { terms: parsed.query.terms.map(({ key, operator, texts }) => [key, operator, ...texts]), orderBy: parsed.query.orderBy, limit: parsed.query.limit } : parsed; };
  const orderBy = [{ key: 'last-change', descending: true }, { key: 'name', descending: false }];
  expect(read('region=eu west, !frozen order by last-change desc, name limit 20')).toEqual({ terms: [['region', 'in', 'eu west'], ['frozen', 'missing']], orderBy, limit: 20 });
  expect(read(' ORDER BY last-change DESC , name asc\tlimit 20 ')).toEqual({ terms: [], orderBy, limit: 20 });
  expect(read('region= limit 3')).toEqual({ terms: [['region', 'in', '']], orderBy: [], limit: 3 });
  expect(read('limit=3,region="order by"')).toEqual({ terms: [['limit', 'in', '3'], ['region', 'in', 'order by']], orderBy: [], limit: null });
});

test('noise is answered, never thrown, and a problem points into the text', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'ab=!<>,() *"innot\\'.split('').concat(['order by ', ' limit ', '7d', '1.4', 'nodes', 'last-change'])) })), (text) => {
    const parsed = parseQuery(text);
    if ('query' in parsed) matchesQuery(parsed.query, oslo);
    else expect(parsed.column >= 1 && parsed.column <= text.length + 1).toBe(true);
  }), { numRuns: 2000 });
});
