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
    const path = pointer(operation['path'], 'path');
    switch (operation['op']) {
      case 'add': document = add(document, path, clone(operation['value'])); break;
      case 'remove': document = remove(document, path); break;
      case 'replace':
        if (read(document, path) === undefined) throw failed();
        document = path.length === 0 ? clone(operation['value']) : add(remove(document, path), path, clone(operation['value']));
        break;
      case 'move': {
        const from = pointer(operation['from'], 'from');
        const value = read(document, from);
        if (value === undefined) throw failed();
        document = add(remove(document, from), path, value);
        break;
      }
      case 'copy': {
        const value = read(document, pointer(operation['from'], 'from'));
        if (value === undefined) throw failed();
        document = add(document, path, clone(value));
        break;
      }
      case 'test':
        if (!equal(read(document, path) ?? null, operation['value'] ?? null)) throw failed();
        break;
      default: throw badRequest(`error decoding patch: unknown operation ${JSON.stringify(operation['op'])}`);
    }
  }
  return document;
}

function pointer(value: unknown, name: string): readonly string[] {
  if (typeof value !== 'string' || (value !== '' && !value.startsWith('/'))) throw badRequest(`error decoding patch: ${name} ${JSON.stringify(value)} is no JSON pointer`);
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
  if (last === undefined) return null;
  const parent = parentOf(document, path);
  if (Array.isArray(parent)) parent.splice(listIndex(last, parent.length - 1), 1);
  else if (isObject(parent)) {
    if (!Object.hasOwn(parent, last)) throw failed();
    delete parent[last];
  }
  return document;
}
