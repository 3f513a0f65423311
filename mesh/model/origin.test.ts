import { expect, test } from 'vitest';
import { originOf } from './origin.ts';

test.each([
  ['https://prometheus.test:9090', 'https://prometheus.test:9090'],
  ['http://prometheus.test/a/b?token=secretpw#x', 'http://prometheus.test'],
  ['http://user:secretpw@prometheus.test:9090/x', 'http://prometheus.test:9090'],
  ['http://user:secret@pw@prometheus.test', 'http://prometheus.test'],
  ['http://user:12@[fd00::1]:80/', 'http://[fd00::1]:80'],
  ['http://user:secret/pw@prometheus.test', 'an address that is no URL'],
  ['http://user:secret\\pw@prometheus.test', 'an address that is no URL'],
  ['secretpw', 'an address that is no URL'],
])('of %s no more is told than its origin', (url, origin) => expect(originOf(url)).toBe(origin));
