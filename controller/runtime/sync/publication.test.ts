import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_DELTA_BYTES, MAX_DELTA_RESOURCES, Publication } from './publication.ts';
import { createPublisher, MAX_RESOURCE_BYTES, type Publisher } from './publisher.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const peer = (cluster: string, address: string) => ({ cluster, address });

describe('a publication', () => {
  let publisher: Publisher;
  let publication: Publication;
  beforeEach(() => {
    publisher = createPublisher(digest);
    publication = new Publication(publisher, 'PeerAddress');
    publisher.subscribe((_type, name) => publication.changed(name));
  });
  const set = (name: string, address: string): void => publisher.set('PeerAddress', name, peer(name, address));
  const next = () => {
    const delta = publication.nextDelta();
    return delta && { nonce: delta.nonce, set: delta.resources.map(({ name, value }) => `${name}=${(value as { address: string }).address}`), removed: delta.removed };
  };

  it('says nothing before it is subscribed to, then answers even with nothing to say, once', () => {
    set('oslo', '1');
    expect(next()).toBeUndefined();
    publisher.remove('PeerAddress', 'oslo');
    publication.subscribe({});
    expect(next()).toEqual({ nonce: '1', set: [], removed: [] });
    publication.acknowledged('1', '');
    expect(next()).toBeUndefined();
  });

  it('resumes with what differs and removes what is gone', () => {
    set('berlin', '1');
    set('oslo', '1');
    publication.subscribe({ berlin: publisher.get('PeerAddress', 'berlin')?.version ?? '', oslo: 'an older version', rome: 'any' });
    expect(next()).toEqual({ nonce: '1', set: ['oslo=1'], removed: ['rome'] });
  });

  it('keeps one delta under way and coalesces what changes meanwhile', () => {
    publication.subscribe({});
    set('oslo', '1');
    expect(next()?.set).toEqual(['oslo=1']);
    for (const address of ['2', '3', '4']) set('oslo', address);
    set('rome', '1');
    publisher.remove('PeerAddress', 'rome');
    expect(next()).toBeUndefined();
    expect(publication.backlog).toBe(1);
    expect(publication.acknowledged('1', '')).toBe(true);
    expect(next()).toEqual({ nonce: '2', set: ['oslo=4'], removed: [] });
  });

  it('sends nothing for a change that was undone under way', () => {
    publication.subscribe({});
    set('oslo', '1');
    next();
    set('oslo', '2');
    set('oslo', '1');
    publication.acknowledged('1', '');
    expect(next()).toBeUndefined();
  });

  it('removes what was taken away while under way', () => {
    publication.subscribe({});
    set('oslo', '1');
    next();
    publisher.remove('PeerAddress', 'oslo');
    publication.acknowledged('1', '');
    expect(next()).toEqual({ nonce: '2', set: [], removed: ['oslo'] });
  });

  it('does not send a refused version again until it changes', () => {
    publication.subscribe({});
    set('oslo', 'bad');
    next();
    publication.acknowledged('1', 'oslo: no such address');
    expect(next()).toBeUndefined();
    set('oslo', 'good');
    set('oslo', 'bad');
    expect(next()).toBeUndefined();
    set('oslo', 'good');
    expect(next()?.set).toEqual(['oslo=good']);
  });

  it('sends the earlier version after a refusal: the subscriber may hold either', () => {
    publication.subscribe({});
    set('oslo', 'old');
    next();
    publication.acknowledged('1', '');
    set('oslo', 'bad');
    next();
    publication.acknowledged('2', 'no');
    set('oslo', 'old');
    expect(next()?.set).toEqual(['oslo=old']);
  });

  it('does not repeat a refused removal, and sends the name when it comes back', () => {
    publication.subscribe({ oslo: 'v' });
    expect(next()?.removed).toEqual(['oslo']);
    publication.acknowledged('1', 'still needed');
    publication.changed('oslo');
    expect(next()).toBeUndefined();
    set('oslo', '1');
    expect(next()?.set).toEqual(['oslo=1']);
  });

  it('ignores acknowledgements of other deltas', () => {
    publication.subscribe({});
    set('oslo', '1');
    next();
    expect(publication.acknowledged('0', '')).toBe(false);
    expect(next()).toBeUndefined();
    expect(publication.acknowledged('1', '')).toBe(true);
    expect(publication.acknowledged('1', '')).toBe(false);
  });

  it('starts over at a second subscription and ignores what was under way', () => {
    publication.subscribe({});
    set('oslo', '1');
    next();
    publication.subscribe({});
    expect(next()).toEqual({ nonce: '2', set: ['oslo=1'], removed: [] });
    expect(publication.acknowledged('1', '')).toBe(false);
  });

  it('splits by count', () => {
    for (let index = 0; index < MAX_DELTA_RESOURCES + 1; index += 1) set(`c${String(index).padStart(4, '0')}`, '1');
    publication.subscribe({});
    expect(next()?.set).toHaveLength(MAX_DELTA_RESOURCES);
    publication.acknowledged('1', '');
    expect(next()?.set).toEqual([`c${String(MAX_DELTA_RESOURCES).padStart(4, '0')}=1`]);
    publication.acknowledged('2', '');
    expect(next()).toBeUndefined();
  });

  it('splits by size, and sends a large one alone', () => {
    const sizes = { a: 0.4, b: 0.4, c: 0.4, d: 2 };
    for (const [name, part] of Object.entries(sizes)) set(name, 'x'.repeat(MAX_DELTA_BYTES * part));
    publication.subscribe({});
    const batches: string[][] = [];
    for (let delta = publication.nextDelta(); delta !== undefined; delta = publication.nextDelta()) {
      batches.push(delta.resources.map(({ name }) => name));
      publication.acknowledged(delta.nonce, '');
    }
    expect(batches).toEqual([['a', 'b'], ['c'], ['d']]);
  });
});

describe('a publisher', () => {
  it('refuses what no message can carry and keeps what it had', () => {
    const publisher = createPublisher(digest);
    publisher.set('PeerAddress', 'oslo', peer('oslo', '1'));
    expect(() => publisher.set('PeerAddress', 'oslo', peer('oslo', 'é'.repeat(MAX_RESOURCE_BYTES / 2)))).toThrow(/PeerAddress oslo: has \d+ bytes; at most 3145728/);
    expect(publisher.get('PeerAddress', 'oslo')?.value).toEqual(peer('oslo', '1'));
  });

  it('tells only of changes, and replaces a whole type', () => {
    const publisher = createPublisher(digest);
    const seen: string[] = [];
    publisher.set('PeerAddress', 'a', peer('a', '1'));
    const stop = publisher.subscribe((type, name) => seen.push(`${type} ${name}`));
    publisher.set('PeerAddress', 'a', peer('a', '1'));
    publisher.replace('PeerAddress', new Map([['b', peer('b', '1')]]));
    publisher.replace('PeerAddress', { b: peer('b', '1') });
    expect(seen).toEqual(['PeerAddress a', 'PeerAddress b']);
    expect(publisher.names('PeerAddress')).toEqual(['b']);
    stop();
    publisher.remove('PeerAddress', 'b');
    expect(seen).toHaveLength(2);
  });
});
