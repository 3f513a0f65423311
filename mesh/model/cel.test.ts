import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { celLanguage } from './cel.ts';
import { celTextProblem } from './cel-check.ts';
import { selectorCel } from './cel-selector.ts';
import type { SelectorSubject } from './selector.ts';

const oslo: SelectorSubject = {
  name: 'oslo', labels: { env: 'production', region: 'eu-north-1' },
  properties: [{ name: 'tier', value: '3' }, { name: 'memory', value: '4Gi' }, { name: 'weird key', value: 'x' }],
  facts: {
    joined: { value: true }, ready: { value: true }, 'kubernetes-version': { value: 'v1.33.1' }, nodes: { value: 5 }, 'cpu-capacity': { value: 12.5 },
    architecture: { value: 'amd64,arm64', values: ['amd64', 'arm64'] }, gpu: { value: '', values: [] },
  },
};

function answer(text: string, subject = oslo): boolean | string {
  const program = selectorCel(text);
  if ('problem' in program) return program.problem;
  const result = program.evaluate(subject);
  return typeof result === 'boolean' ? result : `on ${subject.name}: ${result.problem}`;
}

test.each([
  ['cluster.name == "oslo"', true],
  ['labels.env == "production" && labels.region.startsWith("eu-")', true],
  ['labels["region"].glob("eu-*-1")', true],
  ['has(labels.team) && labels.team == "payments"', false],
  ['!("team" in labels) || labels.team != "payments"', true],
  ['properties["weird key"] == "x"', true],
  ['int(properties.tier) >= 3', true],
  ['quantity(properties.memory) > quantity("3.9Gi")', true],
  ['semver(facts["kubernetes-version"]).isLessThan(semver("1.34"))', true],
  ['facts["kubernetes-version"].compareTo("1.33.1") == 0', true],
  ['isSemver(labels.env)', false],
  ['facts.nodes >= 5 && facts.nodes < 5.5', true],
  ['facts["cpu-capacity"] / 2.0 > 6.2', true],
  ['"arm64" in facts.architecture && facts.gpu.size() == 0', true],
  ['labels.exists(key, key.startsWith("re"))', true],
  ['labels.all(key, labels[key] != "")', true],
  ['facts.joined', true],
  ['cluster.name in ["oslo", "berlin"] ? labels.env != "x" : false', true],
])('%s', (text, expected) => { expect(answer(text)).toBe(expected); });

describe('what cannot be judged is said, and never thrown', () => {
  test.each([
    ['labels.team == "payments"', /^on oslo: .*team/],
    ['labels.env', /^on oslo: answers no truth value/],
    ['labels.env > 3', /^on oslo: /],
    ['semver(labels.env).isLessThan("1.0")', /^on oslo: "production" is no version/],
    ['facts["cilium-version"] == "1.18.1"', /^on oslo: .*cilium-version/],
    ['int("99999999999999999999") == 1', /^on oslo: /],
    ['1 / 0 == 1', /^on oslo: /],
  ])('%s', (text, expected) => { expect(answer(text)).toMatch(expected); });
});

describe('what is no condition on a cluster is refused before it is asked', () => {
  test.each([
    ['', /^is empty/], ['   ', /^is empty/],
    ['labels.env ==', /^is no CEL: .*/],
    ['label.env == "x"', /^names "label"; known are cluster, labels, properties, facts/],
    ['cluster.region == "x"', /^cluster\.region: is not there/],
    ['facts["kubernetes-verison"] == "x"', /^facts\.kubernetes-verison: is no fact; did you mean facts\["kubernetes-version"\]\?/],
    ['facts.ready', /^facts\.ready: is how a cluster is just now/],
    ['has(facts.connected)', /^facts\.connected: is how a cluster is just now/],
    ['labels.env.matches("(a+)+$")', /^calls matches\(\), which is not offered/],
    ['now() > 3', /^calls now\(\), which is not known/],
    ['google.protobuf.Value{string_value: "x"} == "x"', /^(makes a message|names)/],
    ['"text"', /^answers no truth value/], ['1 + 1', /^answers no truth value/], ['["a"]', /^answers no truth value/],
    ['true // because', /^has a comment/], ['labels.env == "x', /^has a text without its closing quote at column 15/],
  ])('%s', (text, expected) => { expect(answer(text)).toMatch(expected); });
});

/** Each would take a parser or an evaluator seconds or gigabytes, or is large beyond need. */
const BOMBS: Readonly<Record<string, string>> = {
  length: `labels.env == "${'x'.repeat(1024)}"`,
  brackets: `${'('.repeat(400)}true${')'.repeat(400)}`,
  'brackets left open': '[('.repeat(400),
  'brackets behind texts that look open': `""" " """ == '"' || ${'('.repeat(300)}true${')'.repeat(300)}`,
  'brackets behind a raw text': `r"\\" == "" || ${'('.repeat(300)}true${')'.repeat(300)}`,
  'brackets behind a comment': `// """\n${'('.repeat(300)}true${')'.repeat(300)}// """`,
  prefixes: `${'!'.repeat(900)}true`,
  'prefixes with spaces': `${'! '.repeat(500)}true`,
  minus: `${'-'.repeat(900)}1 == 1`,
  choices: `${'true ? true : '.repeat(60)}true`,
  terms: `1${'<1'.repeat(500)}`,
  members: `labels${'.a'.repeat(500)}`,
  'a loop in a loop': 'labels.all(a, labels.all(b, labels.all(c, a == b)))',
  'a list that doubles': `[0]${'.map(x, [x, x])'.repeat(60)}.size() > 0`,
  'a text that doubles': `["aaaaaaaaaaaaaaaa"]${'.map(x, x + x)'.repeat(60)}[0] == ""`,
  'many loops': 'labels.all(a, a != "") && labels.all(b, b != "") && labels.all(c, c != "")',
  'a large loop': `labels.all(a, ${'a != "" && '.repeat(40)}true)`,
};

describe('a bomb is refused', () => {
  test.each(Object.entries(BOMBS))('%s', (_, text) => {
    const before = performance.now();
    expect(selectorCel(text)).toEqual({ problem: expect.any(String) as string });
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

test('whatever is written is compiled or refused, and what is compiled is answered', () => {
  const pieces = fc.array(fc.constantFrom('labels', 'facts', '.env', '["env"]', '(', ')', '!', '-', ' == ', ' && ', ' || ', '"a"', "'", '"', '1', ' ? ', ' : ', '[', ']', '{', '}', ',', '.all(x, ', '.map(x, ', ' in ', '//', '\\', '\n', 'true', '+', 'semver(', '.size()'), { maxLength: 40 });
  fc.assert(fc.property(fc.oneof(fc.string({ maxLength: 60 }), pieces.map((parts) => parts.join(''))), (text) => {
    const program = selectorCel(text);
    if (!('problem' in program)) expect(['boolean', 'object']).toContain(typeof program.evaluate(oslo));
    else expect(program.problem).not.toBe('');
  }), { numRuns: 2000 });
});

test('brackets within texts are no nesting', () => {
  expect(celTextProblem(`labels.env == "${'('.repeat(100)}" || labels.env == r'\\' || labels.env == '''${'['.repeat(50)}"'''`)).toBeUndefined();
});

test('one text is compiled once, and the memory of texts is bounded', () => {
  let bound = 0;
  const language = celLanguage<{ readonly value: string }>({ variables: { value: () => undefined }, bind: ({ value }) => { bound++; return { value }; } });
  const first = language.compile('value == "a"');
  expect(language.compile('value == "a"')).toBe(first);
  const subject = { value: 'a' };
  for (const text of ['value == "a"', 'value != "b"']) {
    const program = language.compile(text);
    expect('problem' in program || program.evaluate(subject)).toBe(true);
  }
  expect(bound).toBe(1);
  for (let index = 0; index < 256; index++) language.compile(`value == "${index}"`);
  expect(language.compile('value == "a"')).not.toBe(first);
});
