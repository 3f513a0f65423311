/** What this agent says first over a new stream of what is applied: what it has found since the stream began. The hub may wait with a cluster's turn until it has heard that. */
import type { Publisher } from '../../runtime/sync/publisher.ts';
import type { Bundles } from '../bundles/bundles.ts';

export interface FirstWord {
  /** For what is said of the applied state: held back while bundles are still to be looked at. */
  readonly publisher: Publisher;
  /** Of a stream to the hub. */
  began(): void;
  ended(): void;
}

export function createFirstWord(publisher: Publisher, bundles: Pick<Bundles, 'looking' | 'look'>, cluster: string): FirstWord {
  let streaming = true;
  return {
    publisher: {
      ...publisher,
      set(type, name, value, measured) {
        if (type === 'AppliedReport' && (!streaming || bundles.looking)) return;
        publisher.set(type, name, value, measured);
      },
    },
    began() {
      streaming = true;
      bundles.look();
    },
    // An older word would be the first one over the next stream.
    ended() {
      streaming = false;
      publisher.remove('AppliedReport', cluster);
    },
  };
}
