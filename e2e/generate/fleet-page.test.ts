/** The page of queries names every fact that a query can ask for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KNOWN_FACTS } from '../../mesh/model/selector-facts.ts';

const PER_RESOURCE = /^(memory|pods|gpu)-(capacity|allocatable|requested)$/;

test('docs/reference/fleet.md', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/reference/fleet.md'), 'utf8');
  expect(Object.keys(KNOWN_FACTS).filter((fact) => !page.includes(`\`${PER_RESOURCE.test(fact) ? fact.replace(PER_RESOURCE, '$1') : fact}\``))).toEqual([]);
});
