/** Bounds of a CEL expression: of its text before a parser sees it, of its tree before it runs. */
import type { parse } from '@bufbuild/cel';

type Expression = NonNullable<ReturnType<typeof parse>['expr']>;

const MOST_CHARACTERS = 1024;
/** Brackets within brackets, `!` and `-` before each other, and `?`: each costs the parser a call within a call. */
const DEEPEST = 16;
const MOST_NODES = 256;

/** Names that an expression may use; the function says what is wrong with a member of one, where that can be said without a value. */
export type CelVariables = Readonly<Record<string, (member: string) => string | undefined>>;

/** What is wrong with the text. Linear in its length. */
export function celTextProblem(text: unknown): string | undefined {
  if (typeof text !== 'string') return `${JSON.stringify(text)} is not a text`;
  if (text.trim() === '') return 'is empty; leave it out to ask for nothing';
  if (text.length > MOST_CHARACTERS) return `has ${text.length} characters, at most ${MOST_CHARACTERS} are read; divide it, or put what it asks for into a label`;
  let depth = 0;
  let prefixes = 0;
  let branches = 0;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    if (quote !== '') {
      if (letter === '\\') at++;
      else if (letter === quote) quote = '';
      continue;
    }
    if (letter === '"' || letter === "'") quote = letter;
    else if ('([{'.includes(letter)) depth++;
    else if (')]}'.includes(letter)) depth--;
    else if (letter === '?') branches++;
    prefixes = letter === '!' || letter === '-' ? prefixes + 1 : /\s/.test(letter) ? prefixes : 0;
    if (depth > DEEPEST || prefixes > DEEPEST || branches > DEEPEST) return `is nested deeper than ${DEEPEST} at column ${at + 1}; write it flatter`;
  }
  return undefined;
}

/** What is wrong with the tree: too large, a loop within a loop, an unknown name, member or function, or plainly no truth value. */
export function celExpressionProblem(expression: Expression, variables: CelVariables, knowsFunction: (name: string) => boolean): string | undefined {
  let nodes = 0;
  let problem: string | undefined;
  const fail = (sentence: string): void => { problem ??= sentence; };

  const visit = (part: Expression | undefined, scope: ReadonlySet<string>, inLoop: boolean): void => {
    if (part === undefined || problem !== undefined) return;
    if (++nodes > MOST_NODES) { fail(`has more than ${MOST_NODES} parts; divide it`); return; }
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
