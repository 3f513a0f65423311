/** Who changed what people want: the API server writes it down where it can (MutatingAdmissionPolicy), and in any case refuses a name that is not the caller's. */
import type { ResourceKind } from '../../ports/kubernetes.ts';
import { AccessPolicy, Bundle, CertificateAuthority, ChangeWindow, Channel, Cluster, ClusterAdmission, DriftPolicy, ExportPolicy, FailoverPolicy, GlobalService, Mesh, UpdateRun, UpdateStrategy } from './index.ts';

/** On an object: the user who made its `spec` what it is. Absent: nothing vouches for who that was. */
export const CHANGED_BY = 'isthmus.dev/changed-by';

/** What people edit. */
export const CHANGED_KINDS: readonly ResourceKind[] = [AccessPolicy, Bundle, CertificateAuthority, ChangeWindow, Channel, Cluster, ClusterAdmission, DriftPolicy, ExportPolicy, FailoverPolicy, GlobalService, Mesh, UpdateStrategy];
/** What people say to a run, and the member of `spec` that tells who said it last. */
export const RUN_WORDS = [{ word: 'stop', by: 'stoppedBy', none: 'false' }, { word: 'pause', by: 'pausedBy', none: 'false' }, { word: 'resumedAt', by: 'resumedBy', none: "''" }] as const;

interface Variable { readonly name: string; readonly expression: string }

const CALLER = 'request.userInfo.username';
const KEY = `'${CHANGED_BY}'`;
const annotation = (object: string): string => `has(${object}.metadata.annotations) && ${KEY} in ${object}.metadata.annotations ? ${object}.metadata.annotations[${KEY}] : ''`;
const spec = (object: string, member: string, none: string): string => `has(${object}.spec.${member}) ? ${object}.spec.${member} : ${none}`;
const before = (expression: string, none: string): string => `request.operation == 'CREATE' ? ${none} : (${expression})`;

/** `said…`: whom the object names; `by…`: who it is. Each is asked of kinds alone that have it. */
const VARIABLES: readonly Variable[] = [
  { name: 'changed', expression: `request.operation == 'CREATE' || has(object.spec) != has(oldObject.spec) || (has(object.spec) && object.spec != oldObject.spec)` },
  { name: 'said', expression: annotation('object') },
  { name: 'by', expression: `variables.changed ? ${CALLER} : (${annotation('oldObject')})` },
  ...RUN_WORDS.flatMap(({ word, by, none }): Variable[] => [
    { name: `${by}Said`, expression: spec('object', by, "''") },
    { name: by, expression: `(${spec('object', word, none)}) != (${before(spec('oldObject', word, none), none)}) ? ${CALLER} : (${before(spec('oldObject', by, "''"), "''")})` },
  ]),
];

const ofRun = (operator: '==' | '!='): string => `request.resource.resource ${operator} '${UpdateRun.plural}'`;

/** Each: which requests have no such name, what the object says, what it must say, and where. */
const WORDS = [
  { without: ofRun('=='), said: 'variables.said', by: 'variables.by', field: `metadata.annotations[${CHANGED_BY}]`, path: `/metadata/annotations/${CHANGED_BY.replace('/', '~1')}` },
  ...RUN_WORDS.map(({ by }) => ({ without: ofRun('!='), said: `variables.${by}Said`, by: `variables.${by}`, field: `spec.${by}`, path: `/spec/${by}` })),
];

const resourceRules = [{ apiGroups: [UpdateRun.group], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: [...CHANGED_KINDS, UpdateRun].map(({ plural }) => plural).sort() }];

/** What must hold on every server: each name is the caller's, or nobody's. */
export const CHANGES_DEMANDED = {
  variables: VARIABLES, resourceRules,
  validations: WORDS.map(({ without, said, by, field }) => ({
    // Whoever takes a name away leaves nobody in its place: what nothing vouches for is held where it matters.
    expression: `${without} || ${said} == '' || ${said} == ${by}`,
    messageExpression: `'${field} is ' + ${said} + (${by} == '' ? ', and nobody may be named there now' : ', and it is ' + ${by}) + ': nobody changes anything in the name of another; leave it out, or write your own name there with what you change'`,
  })),
};

/** What a server that can writes down by itself: CEL of JSON patches. */
export const CHANGES_STAMPED = {
  variables: VARIABLES, resourceRules,
  expressions: WORDS.map(({ without, said, by, path }) => {
    const whole = path.startsWith('/metadata/') ? `(has(object.metadata.annotations) ? [] : [JSONPatch{op: 'add', path: '/metadata/annotations', value: {}}]) + ` : '';
    return `${without} || ${said} == ${by} ? [] : ${by} == '' ? [JSONPatch{op: 'remove', path: '${path}'}] : ${whole}[JSONPatch{op: 'add', path: '${path}', value: ${by}}]`;
  }),
};
