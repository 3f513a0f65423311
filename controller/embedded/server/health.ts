/** `/healthz`, `/livez` and `/readyz`, each check on its own path, and all of them with `?verbose`. */

const CHECKS = ['ping', 'object-store'];

/** undefined: no path of health. `storeProblem`: '' while objects can be written; alive is who answers, ready who can also write. */
export function healthAt(storeProblem: string, url: URL): { readonly text: string; readonly code: number } | undefined {
  const [, kind = '', check, ...more] = url.pathname.split('/');
  if (!['healthz', 'livez', 'readyz'].includes(kind) || more.length > 0 || (check !== undefined && !CHECKS.includes(check))) return undefined;
  const excluded = url.searchParams.getAll('exclude');
  const fails = (name: string): boolean => name === 'object-store' && kind === 'readyz' && storeProblem !== '' && !excluded.includes(name);
  if (check !== undefined) return fails(check) ? { text: `object store: ${storeProblem}`, code: 500 } : { text: 'ok', code: 200 };
  const failed = CHECKS.some(fails);
  if (!failed && !url.searchParams.has('verbose')) return { text: 'ok', code: 200 };
  const lines = CHECKS.map((name) => (fails(name) ? `[-]${name} failed: object store: ${storeProblem}` : `[+]${name} ${excluded.includes(name) ? 'excluded: ok' : 'ok'}`));
  return { text: `${lines.join('\n')}\n${kind} check ${failed ? 'failed' : 'passed'}\n`, code: failed ? 500 : 200 };
}
