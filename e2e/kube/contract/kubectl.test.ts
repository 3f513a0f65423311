/** kubectl does the same on the embedded API and on a real kube-apiserver, and docs/reference/kubectl.md shows it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingAssets } from '../apiserver.ts';
import { missingControllerManager } from '../controller-manager.ts';
import { writeNames } from '../write-names.ts';
import { embeddedSubject } from './embedded.ts';
import { differences, DIFFERENCES_TITLE, printed, type Taken, type TakenSection, transcript } from './kubectl-page.ts';
import { type KubectlSession, kubectlSession } from './kubectl-session.ts';
import type { Section } from './kubectl-step.ts';
import { SECTIONS } from './kubectl-sections.ts';
import { realSubject } from './real.ts';
import type { ServerSubject } from './subject.ts';

const PAGE = join(import.meta.dirname, '../../../docs/reference/kubectl.md');

/** "v1.32", or undefined: there is none. */
function kubectlVersion(): string | undefined {
  try {
    return /v\d+\.\d+/.exec(execFileSync('kubectl', ['version', '--client'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))?.[0];
  } catch {
    return undefined;
  }
}

const version = kubectlVersion();
if (version === undefined) console.log('skipped: kubectl is not on PATH');
const missing = missingAssets() ?? missingControllerManager();
if (missing !== undefined) console.log(`kubectl runs against the embedded API alone: ${missing}`);

describe.skipIf(version === undefined)('kubectl', () => {
  const subjects: ServerSubject[] = [];
  const sessions: KubectlSession[] = [];
  const sections: TakenSection[] = [];
  const apart = new Map<Section, Promise<Taken[]>>();

  beforeAll(async () => {
    subjects.push(...await Promise.all([embeddedSubject(), ...(missing === undefined ? [realSubject()] : [])]));
    // Long before the first object that they are about.
    for (const { client } of subjects) await writeNames(client);
    sessions.push(...subjects.map((subject) => kubectlSession(subject)));
  });
  afterAll(async () => {
    for (const session of sessions) await session.close();
    for (const subject of subjects) await subject.stop();
  });

  /** One after the other, in a home and a folder of their own, while the tests go through the rest. */
  function beginApart(): void {
    const others = subjects.map((subject) => kubectlSession(subject));
    sessions.push(...others);
    let before: Promise<unknown> = Promise.resolve();
    for (const section of SECTIONS.filter((each) => each.apart === true)) {
      const taking = before.then(() => take(section, others));
      apart.set(section, taking);
      before = taking.catch(() => undefined);
    }
  }

  /** Each server goes its own way through the section. */
  async function take(section: Section, ways: readonly KubectlSession[]): Promise<Taken[]> {
    const [embedded = [], real] = await Promise.all(ways.map(async (session) => {
      const outcomes = [];
      for (const step of section.steps) outcomes.push(await session.take(step));
      return outcomes;
    }));
    return section.steps.map((step, index) => ({ step, outcome: embedded[index], real: real?.[index] }));
  }

  describe.each(SECTIONS.map((section) => ({ title: section.title, section })))('$title', ({ section }) => {
    test(missing === undefined ? 'is the same on both servers' : 'runs on the embedded API', async () => {
      const taken = await (apart.get(section) ?? take(section, sessions.slice(0, subjects.length)));
      if (section === SECTIONS[0]) beginApart();
      sections.push({ section, taken });
      expect(taken.flatMap(({ outcome, real }) => [outcome?.problem, real?.problem]).filter((problem) => problem !== undefined)).toEqual([]);
      if (missing !== undefined) return;
      const text = (which: 'outcome' | 'real') => taken.map((one) => ({ command: 'see' in one.step ? one.step.see : one.step.run, printed: one[which] === undefined ? '' : printed(one[which]) }));
      const [embedded, real] = [text('outcome'), text('real')];
      const same = taken.map(({ step }) => !('differs' in step) || step.differs === undefined);
      expect(embedded.filter((_, index) => same[index])).toEqual(real.filter((_, index) => same[index]));
      // A reason that no longer holds is no reason.
      for (const [index, one] of embedded.entries()) if (same[index] !== true) expect(one.printed, `${one.command} has a reason to differ, and does not`).not.toBe(real[index]?.printed);
    });
  });

  test('docs/reference/kubectl.md shows this run', ({ skip }) => {
    expect(sections).toHaveLength(SECTIONS.length);
    const page = existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '';
    const rewrite = process.env['REWRITE'] === '1';
    const written = /by kubectl (v\d+\.\d+)/.exec(page)?.[1];
    if (!rewrite && written !== undefined && written !== version) skip(`the page is kubectl ${written}'s, here is ${version}: words differ`);
    if (missing !== undefined) {
      expect(transcript(sections, version ?? '')).toBe(page.slice(0, page.indexOf(DIFFERENCES_TITLE)));
      return;
    }
    const text = transcript(sections, version ?? '') + differences(sections);
    if (rewrite) writeFileSync(PAGE, text);
    else expect(text).toBe(page);
  });
});
