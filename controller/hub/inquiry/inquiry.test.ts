import { describe, expect, it } from 'vitest';
import { Inquiry } from '../../../mesh/api/resources/index.ts';
import type { InquiryObject } from '../../../mesh/api/resources/inquiry.ts';
import { type RecordStore, RecordsUnavailable } from '../../../mesh/ports/records.ts';
import { type Bench, createBench } from '../testing/bench.ts';

async function asked(change: (records: RecordStore) => Partial<RecordStore>, spec: object = { history: {} }): Promise<{ bench: Bench; status: InquiryObject['status'] }> {
  const bench = await createBench();
  await bench.startHub({ ...bench.records, ...change(bench.records) });
  await bench.create(Inquiry, 'question', spec);
  await bench.clock.advance(100);
  return { bench, status: (await bench.get<InquiryObject>(Inquiry, 'question'))?.status };
}

describe('inquiries', () => {
  it('are told at once that the records cannot be read', async () => {
    const { status } = await asked(() => ({ listHistory: async () => { throw new RecordsUnavailable('retry', 'records: the disk failed a read'); } }));
    expect(status).toMatchObject({ error: 'records: the disk failed a read' });
  });

  it('are refused an answer that the API server could not hold, counted in bytes', async () => {
    const wide = { cluster: 'berlin', at: 1, field: 'exports', before: null, after: '\u20ac'.repeat(400_000), by: 'test', run: null, reason: null, approvedBy: [] };
    const { status } = await asked(() => ({ listHistory: async () => [wide] }));
    expect(status?.answer).toBeUndefined();
    expect(status?.error).toMatch(/^the answer has 1200\d\d\d bytes, at most 1000000 fit/);
  });

  it('of a cluster that is not there, or of a drill that never was, get a sentence', async () => {
    expect((await asked(() => ({}), { dns: { name: 'x.example.com', from: 'nowhere' } })).status?.error).toContain('cluster "nowhere": its agent is not connected');
    expect((await asked(() => ({}), { drill: { name: 'none' } })).status?.error).toContain('drill "none": has no report');
  });

  it('that ask nothing or two things are refused by their schema', async () => {
    const bench = await createBench();
    await bench.startHub();
    await expect(bench.create(Inquiry, 'nothing', {})).rejects.toThrow(/exactly one thing/);
    await expect(bench.create(Inquiry, 'two', { history: {}, run: { name: 'x' } })).rejects.toThrow(/exactly one thing/);
  });
});
