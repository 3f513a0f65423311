/** JSON Patch (RFC 6902). */
import { clone, equal, isObject, member, put } from '../json.ts';
import { ApiProblem, badRequest } from '../problems.ts';

const MOST_OPERATIONS = 10_000;

/** As kube-apiserver: without the reason. */
const failed = (): ApiProblem => new ApiProblem(422, 'Invalid', 'the server rejected our request due to an error in our request');

export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('error decoding patch: a JSON patch is a list of operations');
  if (patch.length > MOST_OPERATIONS) throw new ApiProblem(413, 'RequestEntityTooLarge', `The allowed maximum operations in a JSON patch is ${MOST_OPERATIONS}, got ${patch.length}`);
  let document = clone(target);
  for (const operation of patch as unknown[]) {
    if (!isObject(operation)) throw badRequest('error decoding patch: an operation is an object with op and path');
    const path = pointer(operation['path']);
    switch (operation['op']) {
      case 'add': document = add(document, path, clone(operation['value'] ?? null)); break;
      case 'remove': document = remove(document, path); break;
      case 'replace':
        document = path.length === 0 ? clone(operation['value']) : replace(document, path, clone(operation['value'] ?? null));
        break;
      case 'move': {
        const from = pointer(operation['from']);
        const value = read(document, from) ?? null;
        document = add(remove(document, from), path, value);
        break;
      }
      case 'copy':
        document = add(document, path, clone(read(document, pointer(operation['from'])) ?? null));
        break;
      case 'test':
        if (!equal(read(document, path) ?? null, operation['value'] ?? null)) throw failed();
        break;
      default: throw failed();
    }
  }
  return document;
}

function pointer(value: unknown): readonly string[] {
  if (typeof value !== 'string' || (value !== '' && !value.startsWith('/'))) throw failed();
  return value === '' ? [] : value.slice(1).split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function read(document: unknown, path: readonly string[]): unknown {
  let at = document;
  for (const part of path) {
    if (Array.isArray(at)) at = at[listIndex(part, at.length - 1)];
    else if (isObject(at)) at = member(at, part);
    else return undefined;
    if (at === undefined) return undefined;
  }
  return at;
}

function listIndex(part: string, last: number): number {
  if (!/^(0|[1-9]\d*)$/.test(part) || Number(part) > last) throw failed();
  return Number(part);
}

function parentOf(document: unknown, path: readonly string[]): unknown {
  const parent = read(document, path.slice(0, -1));
  if (!Array.isArray(parent) && !isObject(parent)) throw failed();
  return parent;
}

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  const parent = parentOf(document, path);
  if (Array.isArray(parent)) parent.splice(last === '-' ? parent.length : listIndex(last, parent.length), 0, value);
  else if (isObject(parent)) put(parent, last, value);
  return document;
}

function remove(document: unknown, path: readonly string[]): unknown {
  const last = path.at(-1);
  if (last === undefined) throw failed();
  const parent = parentOf(document, path);
  if (Array.isArray(parent)) parent.splice(listIndex(last, parent.length - 1), 1);
  else if (isObject(parent)) {
    if (!Object.hasOwn(parent, last)) throw failed();
    delete parent[last];
  }
  return document;
}

/** A member that is not there is added, as kube-apiserver's library does; an item must be there. */
function replace(document: unknown, path: readonly string[], value: unknown): unknown {
  const [parent, last] = [parentOf(document, path), path.at(-1) as string];
  if (Array.isArray(parent)) parent[listIndex(last, parent.length - 1)] = value;
  else if (isObject(parent)) put(parent, last, value);
  return document;
}
