import { expect, it } from 'vitest';
import { runScenario } from './scenario.ts';

it('says of a failure which seed, which line, what was there instead, and what led to it', async () => {
  const failure = await runScenario('start hub\n\n# not so\nexpect count hub UpdateStrategy 7 within 3s\n', { seed: 23 }).then(() => undefined, (error: unknown) => (error as Error).message);
  expect(failure).toMatch(/^seed 23, line 4: expect count hub UpdateStrategy 7 within 3s\nnot within 3 s: number of UpdateStrategy objects is 1, not 7\nlast of \d+ trace lines:\n/);
  expect(failure).toMatch(/\nt=0\.\d{3} hub object create UpdateStrategy default by isthmus-hub version \d+\n/);
});

it('tells a program that ended by itself from one that was killed', async () => {
  // An agent that has neither an identity nor a token gives up.
  const failure = await runScenario('start berlin\nadvance 5s\n', { seed: 1 }).then(() => undefined, (error: unknown) => (error as Error).message);
  expect(failure).toMatch(/line 2[^]*berlin failed: .*cluster "berlin"/);
  await runScenario('start hub\nadvance 1s\ncrash hub\nadvance 1s\n', { seed: 1 });
});

it.each([
  ['dance hub', /line 1: dance hub\nthere is no command "dance": start, join, /],
  ['expect miracles', /there is nothing to expect of "miracles": dns, condition, /],
  ['start rome', /there is no cluster "rome": berlin, oslo, virginia/],
  ['apply hub Mush atlantic', /there is no kind "Mush": /],
  ['advance soon', /"soon" is no time: write 5s or 0.9s/],
  ['  spec: {}', /line 1: is indented, but no command stands above it/],
  ['provide berlin shop/checkout', /"undefined" is neither ready nor unready/],
])('refuses %j', async (text, problem) => {
  await expect(runScenario(text, { seed: 1 })).rejects.toThrow(problem);
});
