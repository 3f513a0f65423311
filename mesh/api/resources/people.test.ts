import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { PEOPLE_ROLES } from './people.ts';

const can = (name: string): readonly string[] => PEOPLE_ROLES.find(({ metadata }) => metadata.name === name)!.rules.flatMap(({ resources, verbs }) => verbs.flatMap((verb) => resources.map((resource) => `${verb} ${resource}`))).sort();
const ASKING = ['create', 'delete', 'get', 'list', 'watch'].map((verb) => `${verb} inquiries`);

test('who approves or operates can also ask what there is to approve, and neither can do what the other does', () => {
  expect(can('isthmus-asker')).toEqual(ASKING);
  expect(can('isthmus-run-approver')).toEqual(expect.arrayContaining([...ASKING, 'create approvals', 'get updateruns']));
  expect(can('isthmus-run-operator')).toEqual([...ASKING, 'create updateruns', 'get updateruns', 'list updateruns', 'patch updateruns', 'update updateruns', 'watch updateruns'].sort());
  expect(can('isthmus-run-approver').filter((what) => /^(create|patch|update|delete)/.test(what))).toEqual(['create approvals', 'create inquiries', 'delete inquiries']);
});

test('the chart brings these roles', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../charts/isthmus-hub/files/guards/roles.yaml'), 'utf8').replaceAll(/\{\{.*\}\}/g, '');
  expect(parseAllDocuments(text).map((document) => document.toJS() as unknown)).toEqual(PEOPLE_ROLES);
});
