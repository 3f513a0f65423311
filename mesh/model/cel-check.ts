/** Bounds of a CEL expression: of its text before a parser sees it, of its tree before it runs. */
import type { parse } from '@bufbuild/cel';

type Expression = NonNullable<ReturnType<typeof parse>['expr']>;

const MOST_CHARACTERS = 1024;
/** Brackets within brackets, `!` and `-` before each other, and `?`: each costs the parser a call within a call. */
const DEEPEST = 16;
/** Names, numbers and texts: what a parser's time goes by. */
const MOST_WORDS = 192;
const MOST_NODES = 256;
/** all, exists, exists_one, map and filter look at each of up to 128 properties; this keeps one cluster below a millisecond. */
const MOST_LOOPS = 2;
const MOST_NODES_IN_LOOPS = 96;

const TOKEN = new RegExp([
  /(?<string>[bB]?[rR](?:"""[^]*?"""|'''[^]*?'''|"[^"\n]*"|'[^'\n]*')|[bB]?(?:"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))/,
  /(?<word>[A-Za-z0-9_]+)/, /(?<space>\s+)/, /(?<other>[^])/,
].map((part) => part.source).join('|'), 'y');

/** Names that an expression may use; the function says what is wrong with a member of one, where that can be said without a value. */
export type CelVariables = Readonly<Record<string, (member: string) => string | undefined>>;

/** What is wrong with the text. Linear in its length. */
export function celTextProblem(text: unknown): string | undefined {
  if (typeof text !== 'string') return `${JSON.stringify(text)} is not a text`;
  if (text.trim() === '') return 'is empty; leave it out to ask for nothing';
  if (text.length > MOST_CHARACTERS) return `has ${text.length} characters, at most ${MOST_CHARACTERS} are read; divide it, or put what it asks for into a label`;
  let [depth, prefixes, branches, words] = [0, 0, 0, 0];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const column = TOKEN.lastIndex + 1;
    const { string, word, other } = TOKEN.exec(text)?.groups ?? {};
    if (other === '"' || other === "'") return `has a text without its closing quote at column ${column}`;
    if (string !== undefined || word !== undefined) words++;
    if (other === '/' && text[column] === '/') return `has a comment at column ${column}; comments are not read`;
    if (other === '(' || other === '[' || other === '{') depth++;
    else if (other === ')' || other === ']' || other === '}') depth--;
    else if (other === '?') branches++;
    prefixes = other === '!' || other === '-' ? prefixes + 1 : string === undefined && word === undefined && other === undefined ? prefixes : 0;
    if (depth > DEEPEST || prefixes > DEEPEST || branches > DEEPEST) return `is nested deeper than ${DEEPEST} at column ${column}; write it flatter`;
    if (words > MOST_WORDS) return `has more than ${MOST_WORDS} names and values; divide it`;
  }
  return undefined;
}

/** What is wrong with the tree: too large, a loop within a loop, an unknown name, member or function, or plainly no truth value. */
export function celExpressionProblem(expression: Expression, variables: CelVariables, knowsFunction: (name: string) => boolean): string | undefined {
  let [nodes, nodesInLoops, loops] = [0, 0, 0];
  let problem: string | undefined;
  const fail = (sentence: string): void => { problem ??= sentence; };

  const visit = (part: Expression | undefined, scope: ReadonlySet<string>, inLoop: boolean): void => {
    if (part === undefined || problem !== undefined) return;
    if (++nodes > MOST_NODES) { fail(`has more than ${MOST_NODES} parts; divide it`); return; }
    if (inLoop && ++nodesInLoops > MOST_NODES_IN_LOOPS) { fail(`has more than ${MOST_NODES_IN_LOOPS} parts within all, exists, map or filter; ask for less of each`); return; }
    const { exprKind: kind } = part;
    const visitAll = (parts: readonly (Expression | undefined)[]): void => { for (const each of parts) visit(each, scope, inLoop); };
    switch (kind.case) {
      case 'identExpr':
        if (!scope.has(kind.value.name) && !Object.hasOwn(variables, kind.value.name) && !TYPES.has(kind.value.name)) fail(`names ${JSON.stringify(kind.value.name)}; known are ${Object.keys(variables).join(', ')}`);
        return;
      case 'selectExpr':
        visit(kind.value.operand, scope, inLoop);
        member(kind.value.operand, kind.value.field, scope);
        return;
      case 'callExpr': {
        const { function: name, target, args } = kind.value;
        if (!knowsFunction(name) && !SYNTAX.has(name)) fail(name === 'matches' ? 'calls matches(), which is not offered; use startsWith, endsWith, contains or glob' : `calls ${name}(), which is not known`);
        visitAll([target, ...args]);
        const key = args[1]?.exprKind;
        if (name === '_[_]' && key?.case === 'constExpr' && key.value.constantKind.case === 'stringValue') member(args[0], key.value.constantKind.value, scope);
        return;
      }
      case 'listExpr': visitAll(kind.value.elements); return;
      case 'structExpr':
        if (kind.value.messageName !== '') fail(`makes a message ${kind.value.messageName}, which is not known`);
        for (const { keyKind, value } of kind.value.entries) visitAll([keyKind.case === 'mapKey' ? keyKind.value : undefined, value]);
        return;
      case 'comprehensionExpr': {
        if (inLoop) { fail('has all, exists, map or filter within another; write it as one, or as two joined by && or ||'); return; }
        if (++loops > MOST_LOOPS) { fail(`has more than ${MOST_LOOPS} of all, exists, map and filter; divide it`); return; }
        const { iterRange, iterVar, iterVar2, accuVar, accuInit, loopCondition, loopStep, result } = kind.value;
        const inside = new Set([...scope, iterVar, iterVar2, accuVar]);
        visit(iterRange, scope, true);
        for (const each of [accuInit, loopCondition, loopStep, result]) visit(each, inside, true);
        return;
      }
      default: return;
    }
  };
  const member = (operand: Expression | undefined, name: string, scope: ReadonlySet<string>): void => {
    const of = operand?.exprKind.case === 'identExpr' ? operand.exprKind.value.name : undefined;
    if (of === undefined || scope.has(of) || !Object.hasOwn(variables, of)) return;
    const wrong = variables[of]!(name);
    if (wrong !== undefined) fail(`${of}.${name}: ${wrong}`);
  };

  visit(expression, new Set(), false);
  return problem ?? (isTruthValue(expression) ? undefined : 'answers no truth value; compare it with something');
}

/** Names of types, for `type(x) == string`. */
const TYPES = new Set(['bool', 'bytes', 'double', 'int', 'list', 'map', 'null_type', 'string', 'type', 'uint']);
/** What the planner itself knows. */
const SYNTAX = new Set(['_&&_', '_||_', '_?_:_', '_[_]', '@not_strictly_false', '_==_', '_!=_']);
const NEVER_TRUE = new Set(['_+_', '_-_', '_*_', '_/_', '_%_', '-_', 'size', 'int', 'uint', 'double', 'string', 'bytes', 'timestamp', 'duration', 'type']);

/** False where it plainly answers something else. */
function isTruthValue({ exprKind: kind }: Expression): boolean {
  if (kind.case === 'constExpr') return kind.value.constantKind.case === 'boolValue';
  if (kind.case === 'callExpr') return !NEVER_TRUE.has(kind.value.function);
  return kind.case !== 'listExpr' && kind.case !== 'structExpr';
}
