import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Publication } from './publication.ts';
import { createPublisher } from './publisher.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('withholding removals', () => {
  it('does not tell the absence of what is unknown, and tells it once it is known', () => {
    const publisher = createPublisher(digest);
    publisher.withhold((type, name) => type === 'PeerAddress' && name === 'oslo');
    const publication = new Publication(publisher, 'PeerAddress');
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
    const publication = new Publication(publisher, 'PeerAddress');
    publication.subscribe({ oslo: 'v1' });
    publication.acknowledged(publication.nextDelta()?.nonce ?? '', '');
    publisher.set('PeerAddress', 'oslo', { cluster: 'oslo', address: '127.0.0.1:1' });
    expect(publication.nextDelta()?.resources.map(({ name }) => name)).toEqual(['oslo']);
  });
});
