import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readNotifications } from './notifications.ts';

const path = join(mkdtempSync(join(tmpdir(), 'isthmus-notifications-')), 'notifications.yaml');
const read = (text: string) => {
  writeFileSync(path, text);
  return readNotifications(path);
};

test('a list of sinks', () => {
  expect(read('- url: https://chat.example.com/hook\n  types: [dev.isthmus.run.gate-*, dev.isthmus.run.failed]\n  authSecret: chat\n- {url: "http://audit:8080"}\n'))
    .toEqual([{ url: 'https://chat.example.com/hook', types: ['dev.isthmus.run.gate-*', 'dev.isthmus.run.failed'], authSecret: 'chat' }, { url: 'http://audit:8080' }]);
});

test.each([
  ['{', 'is not YAML'],
  ['url: https://x', 'it: Invalid input'],
  ['- url: ftp://x', '0.url: must be an http:// or https:// URL without a user'],
  ['- url: https://ada:secret@x', '0.url: must be an http:// or https:// URL without a user or a password: put them into a Secret, and name it in authSecret; a list'],
  ['- {url: "https://x", types: [failed]}', '0.types.0: must begin with dev.isthmus.run., and may end with *'],
  ['- {url: "https://x", tipes: []}', '0: Unrecognized key'],
  ['- url: https://x/secret-hook\n- url: https://x/secret-hook', 'names an address of https://x twice'],
])('%s is refused', (text, problem) => expect(() => read(text)).toThrow(`--notifications ${path}: ${problem}`));

test('a file that is far too large is not parsed', () => expect(() => read('a: ['.repeat(250_000))).toThrow(`--notifications ${path}: has 1000000 characters; at most 262144 are read`));
test('a file that is not there', () => expect(() => readNotifications('/nowhere/n.yaml')).toThrow('--notifications /nowhere/n.yaml: cannot be read (ENOENT)'));
