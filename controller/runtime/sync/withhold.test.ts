import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Publication } from './publication.ts';
import { createPublisher, type Publisher } from './publisher.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** As a session does. */
function publicationOf(publisher: Publisher): Publication {
  const publication = new Publication(publisher, 'PeerAddress');
  publisher.subscribe((type, name) => { if (type === 'PeerAddress') publication.changed(name); });
  return publication;
}

describe('withholding removals', () => {
  it('does not tell the absence of what is unknown, and tells it once it is known', () => {
    const publisher = createPublisher(digest);
    publisher.withhold((type, name) => type === 'PeerAddress' && name === 'oslo');
    const publication = publicationOf(publisher);
    publication.subscribe({ oslo: 'v1', rome: 'v1' });
    const first = publication.nextDelta();
    expect(first?.removed).toEqual(['rome']);
    publication.acknowledged(first?.nonce ?? '', '');
    expect(publication.nextDelta()).toBeUndefined();
    publisher.withhold(() => false);
    expect(publication.nextDelta()?.removed).toEqual(['oslo']);
  });

  it('sends a value of an unknown name as soon as there is one', () => {
    const publisher = createPublisher(digest);
    publisher.withhold(() => true);
    const publication = publicationOf(publisher);
    publication.subscribe({ oslo: 'v1' });
    publication.acknowledged(publication.nextDelta()?.nonce ?? '', '');
    publisher.set('PeerAddress', 'oslo', { cluster: 'oslo', address: '127.0.0.1:1' });
    expect(publication.nextDelta()?.resources.map(({ name }) => name)).toEqual(['oslo']);
  });

  it('asks once for each name, and again only when the answers may have changed', () => {
    const publisher = createPublisher(digest);
    let asked = 0;
    publisher.withhold(() => { asked += 1; return true; });
    const publication = publicationOf(publisher);
    publication.subscribe({ oslo: 'v1', rome: 'v1' });
    publication.acknowledged(publication.nextDelta()?.nonce ?? '', '');
    for (let wake = 0; wake < 100; wake += 1) expect(publication.nextDelta()).toBeUndefined();
    expect(asked).toBe(2);
    expect(publication.backlog).toBe(2);
    publisher.remove('PeerAddress', 'oslo');
    publisher.withhold(() => { asked += 1; return true; });
    expect(publication.nextDelta()).toBeUndefined();
    expect(asked).toBe(4);
  });
});
