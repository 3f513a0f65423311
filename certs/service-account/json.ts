/** JSON as two readers must understand it alike: no member twice, valid UTF-8, an object. */

const STRING = /"(?:[^"\\]|\\.)*"/y;
const COLON = /\s*:/y;
const DEEPEST = 16;

export function readObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return isObject(value) && namesOnce(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** `text` is JSON. Readers differ in which of two members of the same name they take. */
function namesOnce(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    if (open.length > DEEPEST) return false;
    if (character !== '"') continue;
    STRING.lastIndex = at;
    const [literal] = STRING.exec(text) ?? [''];
    at += literal.length - 1;
    const names = open.at(-1);
    COLON.lastIndex = at + 1;
    if (names === undefined || !COLON.test(text)) continue;
    const name = JSON.parse(literal) as string;
    if (names.has(name)) return false;
    names.add(name);
  }
  return true;
}

const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** undefined: not the one spelling that these bytes have. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  if (!BASE64URL.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
