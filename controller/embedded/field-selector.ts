/** Field selectors: grammar and refusals of apimachinery `fields/selector.go`. */
import type { JsonObject } from './json.ts';
import { METADATA_FIELDS, type ServedKind } from './kinds.ts';
import { badRequest } from './problems.ts';

type Selectable = Pick<ServedKind, 'fields' | 'builtIn' | 'namespaced'>;
/** Three groups: before it, the operator, after it. */
const OPERATOR = /^(.*?)(!=|==|=)(.*)$/s;

/** `metadata.name=x,type!=Opaque`, with `\\`, `\,` and `\=` in values; only fields that the kind has. */
export function parseFieldSelector(text: string | undefined, kind: Selectable): (object: JsonObject) => boolean {
  const terms = (text ?? '').match(/(?:\\.|[^,\\]|\\$)+/gs) ?? [];
  const tests = terms.map((term) => {
    const found = OPERATOR.exec(term);
    if (found === null) throw badRequest(`invalid selector: '${(text ?? '').slice(0, 200)}'; can't understand '${term.slice(0, 200)}'`);
    const [, field = '', operator, escaped = ''] = found;
    const value = unescaped(escaped);
    const read = fieldOf(kind, field);
    return (object: JsonObject): boolean => (read(object) === value) === (operator !== '!=');
  });
  return (object) => tests.every((matches) => matches(object));
}

function unescaped(text: string): string {
  return text.replace(/\\(.?)|=/gs, (found, next: string | undefined) => {
    if (next === undefined) throw badRequest(`invalid field selector: unescaped character in value: ${found.charCodeAt(0)}`);
    if (!['\\', ',', '='].includes(next)) throw badRequest(`invalid field selector: invalid escape sequence: ${found}`);
    return next;
  });
}

function fieldOf({ fields, builtIn, namespaced }: Selectable, name: string): (object: JsonObject) => string {
  // A kind with nothing but these has Kubernetes' default, which speaks in other words and knows a namespace everywhere.
  const byDefault = builtIn && fields === METADATA_FIELDS;
  const read = Object.hasOwn(fields, name) && (byDefault || namespaced || name !== 'metadata.namespace') ? fields[name] : undefined;
  if (read !== undefined) return read;
  throw badRequest(byDefault ? `${JSON.stringify(name.slice(0, 200))} is not a known field selector: only "metadata.name", "metadata.namespace"` : `field label not supported: ${name.slice(0, 200)}`);
}
