import { expect, test } from 'vitest';
import { parseProperties, parseReportLabels } from './index.ts';

test('properties that the hub would refuse are refused by name', () => {
  expect(parseProperties(['country=de', 'note=a=b'])).toEqual({ country: 'de', note: 'a=b' });
  expect(() => parseProperties([`big=${'x'.repeat(1025)}`])).toThrow('--property big: the value has 1025 characters; at most 1024 are allowed');
  expect(() => parseProperties([`${'n'.repeat(129)}=x`])).toThrow('the name has 129 characters');
  expect(() => parseProperties(Array.from({ length: 113 }, (_, index) => `p${index}=x`))).toThrow('113 properties given, at most 112 allowed');
});

test('labels to sum by: keys as Kubernetes has them, each once, four at most, or none', () => {
  expect(parseReportLabels('team, example.com/product,team')).toEqual(['team', 'example.com/product']);
  expect(parseReportLabels('')).toEqual([]);
  expect(() => parseReportLabels('team,a b')).toThrow('"a b" is no label key');
  expect(() => parseReportLabels('a,b,c,d,e')).toThrow('5 labels given, at most 4 allowed');
});
