import { expect, test } from 'vitest';
import { TransportError } from '../../../mesh/ports/transport.ts';
import { toStatus } from './status.ts';

test('a long text is cut to one that the header can hold: encodeURI refuses half a character', () => {
  for (const shift of ['', 'x']) {
    const { details } = toStatus(new TransportError('never', 'InvalidRequest', shift + '\u{1F600}'.repeat(2000)));
    expect(details.length).toBeLessThanOrEqual(2000);
    expect(() => encodeURI(details)).not.toThrow();
  }
});

test('only what was meant for the caller leaves the process', () => {
  expect(toStatus(new Error('password is hunter2')).details).not.toContain('hunter2');
});
