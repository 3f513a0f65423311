import { describe, expect, it } from 'vitest';
import { MAX_RESOURCES_PER_TYPE } from '../../runtime/sync/publisher.ts';
import { recordingLog } from '../../runtime/testing/fakes.ts';
import { digest } from '../testing/bench.ts';
import { createPublishers } from './publishers.ts';

describe('publishers', () => {
  it('measures what all are told once, and nothing where it stays the same', () => {
    let digests = 0;
    const publishers = createPublishers((text) => { digests += 1; return digest(text); }, recordingLog());
    for (let index = 0; index < 100; index += 1) publishers.of(`c${index}`);
    const heard: string[] = [];
    publishers.of('c7').subscribe((type, name) => { heard.push(`${type} ${name}`); });
    publishers.tellAll('PeerAddress', 'oslo', { cluster: 'oslo', address: 'a:1' }, 'c3');
    publishers.tellAll('PeerAddress', 'oslo', { cluster: 'oslo', address: 'a:1' }, 'c3');
    expect(publishers.of('late').get('PeerAddress', 'oslo')?.value).toEqual({ cluster: 'oslo', address: 'a:1' });
    expect(publishers.of('c3').get('PeerAddress', 'oslo')).toBeUndefined();
    expect(heard).toEqual(['PeerAddress oslo']);
    expect(digests).toBe(2);
  });

  it('says once what is one too many, however many agents it cannot be told to', () => {
    const log = recordingLog();
    const publishers = createPublishers(digest, log);
    for (let index = 0; index < 10; index += 1) publishers.of(`c${index}`);
    for (let index = 0; index <= MAX_RESOURCES_PER_TYPE; index += 1) publishers.tellAll('PeerAddress', `p${index}`, { cluster: `p${index}`, address: 'a:1' });
    publishers.tellAll('PeerAddress', `p${MAX_RESOURCES_PER_TYPE}`, { cluster: 'again', address: 'b:1' });
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });
});
