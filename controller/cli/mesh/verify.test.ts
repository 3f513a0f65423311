import { expect, test } from 'vitest';
import { Inquiry } from '../../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import type { Colour } from '../../../mesh/model/peer-verdict.ts';
import { type MatrixCell, matrixOf, MOST_WHOLE_CELLS } from '../../../mesh/verify/matrix.ts';
import { diagnose, doctor } from '../doctor/index.ts';
import { testEnvironment, type TestEnvironment } from '../testing/environment.ts';
import { drawMatrix, verifyMesh } from './verify.ts';

const NOW = Date.UTC(2030, 0, 1, 12);
const cell = (from: string, to: string, colour: Colour = 'green', code?: string): MatrixCell => ({
  from, to, colour, reasons: code === undefined ? [] : [{ code, text: `${code} was seen` }], since: NOW - 300_000, at: NOW, fresh: false, figures: { nodes: 3, serverCertificateSeconds: 600_000 },
});
const three = [cell('berlin', 'oslo'), cell('berlin', 'rome', 'red', 'NoUser'), cell('oslo', 'berlin', 'yellow', 'ClockSkew'), cell('oslo', 'rome', 'red', 'NoUser'), cell('rome', 'berlin')];

/** An environment whose hub answers each question with this matrix. */
function answering(cells: readonly MatrixCell[]): { environment: TestEnvironment; asked: InquiryObject['spec'][] } {
  const base = testEnvironment();
  const asked: InquiryObject['spec'][] = [];
  const never = new AbortController().signal;
  const environment: TestEnvironment = {
    ...base,
    async sleep(milliseconds) {
      for (const object of (await base.client.list<InquiryObject>(Inquiry, {}, never)).items) {
        if (object.status !== undefined) continue;
        asked.push(object.spec);
        await base.client.update<InquiryObject>(Inquiry, { ...object, status: { answeredAt: '2030-01-01T12:00:00Z', answer: JSON.stringify(matrixOf(cells, NOW)) } } as InquiryObject, { fieldManager: 'hub', subresource: 'status' }, never);
      }
      await base.sleep(milliseconds);
    },
  };
  return { environment, asked };
}

test('a small mesh is drawn as a matrix, what is not green with reasons below, the reds first', () => {
  expect(drawMatrix(matrixOf(three, NOW), NOW, { fresh: false, coloured: false })).toBe([
    'FROM \\ TO   berlin   oslo   rome',
    'berlin      -        G      R',
    'oslo        Y        -      R',
    'rome        G        .      -',
    '',
    '3 clusters, 5 pairs: 2 green, 1 yellow, 2 red',
    '',
    'R  berlin -> rome, for 5m: NoUser (NoUser was seen)',
    'R  oslo -> rome, for 5m: NoUser (NoUser was seen)',
    'Y  oslo -> berlin, for 5m: ClockSkew (ClockSkew was seen)',
    '',
  ].join('\n'));
  const painted = drawMatrix(matrixOf([cell('R', 'oslo', 'red', 'NoUser')], NOW), NOW, { fresh: true, coloured: true });
  expect(painted).toContain('R           \u001B[31mR\u001B[0m');
  expect(painted).toContain('1 pair could not be looked at now and is as last seen');
});

test('of a hundred clusters those pairs are shown that are not green, and the others are counted', () => {
  const names = Array.from({ length: 100 }, (_, index) => `c${String(index).padStart(2, '0')}`);
  const all = names.flatMap((from) => names.filter((to) => to !== from).map((to) => cell(from, to, from === 'c07' && to === 'c42' ? 'red' : 'green', from === 'c07' && to === 'c42' ? 'Timeout' : undefined)));
  expect(all.length).toBeGreaterThan(MOST_WHOLE_CELLS);
  expect(drawMatrix(matrixOf(all, NOW), NOW, { fresh: false, coloured: false })).toBe('100 clusters, 9900 pairs: 9899 green, 0 yellow, 1 red\n\nR  c07 -> c42, for 5m: Timeout (Timeout was seen)\n');
  const worst = matrixOf(all.map((one) => ({ ...one, colour: 'red' as const, reasons: [{ code: 'Timeout', text: 'x'.repeat(200) }] })), NOW);
  expect([worst.cells.length, worst.omitted, JSON.stringify(worst).length < 1_000_000]).toEqual([1500, 8400, true]);
});

test('the hub is asked for what was asked for, and the exit status says whether a pair is red', async () => {
  const { environment, asked } = answering(three);
  await expect(verifyMesh(environment, 'europe', { from: 'berlin', fresh: true, output: 'json', watch: false })).rejects.toThrow('2 pairs of 5 are red; "isthmus doctor" says what to do about each');
  expect([asked, (JSON.parse(environment.printed()) as { tally: object }).tally]).toEqual([[{ verify: { mesh: 'europe', from: 'berlin', fresh: true } }], { green: 2, yellow: 1, red: 2 }]);
  const well = answering([cell('berlin', 'oslo')]);
  await verifyMesh(well.environment, undefined, { fresh: false, output: 'wide', watch: false });
  expect(well.environment.printed()).toMatch(/berlin +oslo +green +5m +0s .* 6d/);
  const nothing = answering([]);
  await verifyMesh(nothing.environment, undefined, { fresh: false, output: 'table', watch: false });
  expect(nothing.environment.complained()).toContain('No cluster reads another one');
});

test('the doctor tells one cause once, with names, evidence and the way out', async () => {
  const { environment } = answering([...three, cell('rome', 'oslo', 'yellow', 'OfTheFuture')]);
  await expect(doctor(environment, undefined, { fresh: false, output: 'table' })).rejects.toThrow('2 pairs of 6 are red');
  expect(environment.printed()).toBe([
    'RED 2 clusters -> rome: NoUser',
    '  rome\'s etcd knows no user of berlin, oslo\'s name, or the user has no role.',
    '  Seen: NoUser was seen',
    '  Way out: Look for berlin, oslo in ConfigMap clustermesh-remote-users of rome, and whether rome\'s clustermesh-apiserver runs with cluster users enabled.',
    '',
    'YELLOW oslo -> berlin: ClockSkew',
    '  The clocks of oslo and berlin disagree.',
    '  Seen: ClockSkew was seen',
    '  Way out: Check time synchronisation in both: certificates and failover depend on it.',
    '',
    'YELLOW rome -> oslo: OfTheFuture',
    '  rome\'s agent is of a newer version than this command, and says of oslo what stands below.',
    '  Seen: OfTheFuture was seen',
    '  Way out: Use the "isthmus" of that version.',
    '',
    '3 clusters, 6 pairs: 2 green, 2 yellow, 2 red',
    '',
  ].join('\n'));
  expect(diagnose({ cells: [] })).toEqual([]);
});
