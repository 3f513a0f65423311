/** What field selectors may name beside name and namespace (Kubernetes' `pkg/apis/core/v1/conversion.go`). */
import { type JsonObject, objectAt, textAt } from '../json.ts';
import { METADATA_FIELDS, type ServedKind } from '../kinds.ts';

type Fields = ServedKind['fields'];

const at = (...path: readonly string[]) => (object: JsonObject): string =>
  textAt(path.slice(0, -1).reduce(objectAt, object), path.at(-1) as string) ?? '';

export const NAMESPACE_FIELDS: Fields = { ...METADATA_FIELDS, 'status.phase': at('status', 'phase') };
export const NODE_FIELDS: Fields = { ...METADATA_FIELDS, 'spec.unschedulable': (object) => String(objectAt(object, 'spec')['unschedulable'] === true) };
export const POD_FIELDS: Fields = {
  ...METADATA_FIELDS,
  ...Object.fromEntries([['spec', 'nodeName'], ['spec', 'restartPolicy'], ['spec', 'schedulerName'], ['spec', 'serviceAccountName'], ['status', 'phase'], ['status', 'podIP'], ['status', 'nominatedNodeName']].map((path) => [path.join('.'), at(...path)])),
  'spec.hostNetwork': (object) => String(objectAt(object, 'spec')['hostNetwork'] === true),
  // Known to kube-apiserver, and always empty.
  'status.podIPs': () => '',
};
export const SECRET_FIELDS: Fields = { ...METADATA_FIELDS, type: at('type') };
export const SERVICE_FIELDS: Fields = { ...METADATA_FIELDS, 'spec.clusterIP': at('spec', 'clusterIP'), 'spec.type': at('spec', 'type') };
export const EVENT_FIELDS: Fields = {
  ...METADATA_FIELDS,
  ...Object.fromEntries(['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map((key) => [`involvedObject.${key}`, at('involvedObject', key)])),
  reason: at('reason'), type: at('type'), reportingComponent: at('reportingComponent'),
  source: (object) => at('source', 'component')(object) || at('reportingComponent')(object),
};
