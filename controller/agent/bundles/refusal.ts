/** What a refusal of the API server means for whoever looks at a run: object, field, value and the way out. Nothing of a Secret's content. */
import { objectName } from '../../../mesh/bundle/objects.ts';
import type { ObjectReference } from '../../../mesh/model/bundle.ts';
import { KubernetesError, type ResourceKind } from '../../../mesh/ports/kubernetes.ts';
import { messageOf } from '../../runtime/errors.ts';

const LONGEST = 1024;
const VERBS = { made: 'get, create, patch, delete', fields: 'get, patch', hook: 'get, create, delete' } as const;

/** What a cluster's owner adds to the chart's values. */
const ruleFor = ({ group, plural }: ResourceKind, how: keyof typeof VERBS): string => `{apiGroups: ["${group}"], resources: [${plural}], verbs: [${VERBS[how]}]}`;

export function refusalText(error: unknown, reference: ObjectReference, kind: ResourceKind, how: keyof typeof VERBS): string {
  const what = objectName(reference);
  if (!(error instanceof KubernetesError)) return `${what}: ${messageOf(error)}`.slice(0, LONGEST);
  if (error.code === 403) return `${what}: this agent has not the right; the cluster's owner grants it in the agent chart's values, bundles.rules: ${ruleFor(kind, how)} (${error.message})`.slice(0, LONGEST);
  const secret = kind.group === '' && kind.plural === 'secrets';
  const fields = error.causes.flatMap(({ field, message }) => (field === undefined || field === '' ? [] : [secret ? field : `${field}: ${message ?? 'refused'}`]));
  const said = secret ? error.reason : fields.length > 0 && error.message.length > LONGEST / 2 ? error.reason : error.message;
  const named = fields.filter((field) => !said.includes(field));
  return `${what}: refused: ${said}${named.length === 0 ? '' : ` (${named.join('; ')})`}`.slice(0, LONGEST);
}
