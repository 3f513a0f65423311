/** What a body says twice; parsers keep the last of it (`fieldValidation`). The words are those of kube-apiserver's decoders. */
import { isMap, type Document, isPair, isScalar, isSeq, LineCounter, type Node } from 'yaml';

const MOST = 100;

/** `text` is JSON that was read before: strings, brackets and commas say where members are. */
export function duplicateFields(text: string): string[] {
  const found: string[] = [];
  const stack: { readonly keys: Set<string> | undefined; readonly path: string; key: string; index: number }[] = [];
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],]/g;
  let expectKey = false;
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    const at = stack.at(-1);
    const [mark] = token[0];
    if (mark === '{' || mark === '[') {
      stack.push({ keys: mark === '{' ? new Set() : undefined, path: at === undefined ? '' : memberPath(at), key: '', index: 0 });
      expectKey = mark === '{';
    } else if (mark === '}' || mark === ']') {
      stack.pop();
      expectKey = false;
    } else if (mark === ',') {
      if (at !== undefined) at.index += 1;
      expectKey = at?.keys !== undefined;
    } else if (expectKey && at?.keys !== undefined) {
      at.key = JSON.parse(token[0]) as string;
      if (at.keys.has(at.key) && found.length < MOST) found.push(`duplicate field ${JSON.stringify(memberPath(at))}`);
      at.keys.add(at.key);
      expectKey = false;
    }
  }
  return [...new Set(found)];
}

const memberPath = ({ keys, path, key, index }: { readonly keys: unknown; readonly path: string; readonly key: string; readonly index: number }): string =>
  (keys === undefined ? `${path}[${index}]` : path === '' ? key : `${path}.${key}`);

/** `lines`: those of the text that `document` was read from. */
export function duplicateKeys(document: Document.Parsed, lines: LineCounter): string[] {
  const found: string[] = [];
  const visit = (node: unknown): void => {
    if (isSeq(node)) node.items.forEach(visit);
    if (!isMap(node)) return;
    const keys = new Set<string>();
    for (const pair of node.items) {
      if (!isPair(pair)) continue;
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      if (keys.has(key) && found.length < MOST) found.push(`line ${lines.linePos((pair.key as Node).range?.[0] ?? 0).line}: key ${JSON.stringify(key)} already set in map`);
      keys.add(key);
      visit(pair.value);
    }
  };
  visit(document.contents);
  return found;
}
