/** The scripts in real shells, as a person presses Tab there: commands, options, values, names of files, and names that an API knows. */
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiVersionOf, Cluster, UpdateRun } from '../../../mesh/api/resources/index.ts';
import { SCRIPTS, SHELLS } from './scripts.ts';

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;
const missing = SHELLS.filter((shell) => !has(shell));
if (missing.length > 0) console.log(`completion is not tried in ${missing.join(' and ')}: not on PATH (packages of the same names)`);

const NAMES: Readonly<Record<string, readonly string[]>> = { [Cluster.plural]: ['berlin', 'bern', 'oslo'], [UpdateRun.plural]: ['europe-1', 'europe-2'] };
const api = createServer((request, response) => {
  const [kind, names] = Object.entries(NAMES).find(([plural]) => request.url?.includes(`/${plural}`)) ?? ['', []];
  const of = kind === Cluster.plural ? Cluster : UpdateRun;
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ kind: `${of.kind}List`, apiVersion: apiVersionOf(of), metadata: { resourceVersion: '1' }, items: names.map((name) => ({ apiVersion: apiVersionOf(of), kind: of.kind, metadata: { name, uid: name, resourceVersion: '1' }, spec: {} })) }));
});

let folder = '';
let environment: NodeJS.ProcessEnv = {};
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isthmus-completion-'));
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'work'));
  writeFileSync(join(folder, 'work', 'plan.svg'), '');
  symlinkSync(fileURLToPath(new URL('../../../bin/isthmus.mjs', import.meta.url)), join(folder, 'bin', 'isthmus'));
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  const kubeconfig = join(folder, 'kubeconfig');
  const { port } = api.address() as AddressInfo;
  writeFileSync(kubeconfig, JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'x', clusters: [{ name: 'x', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }], users: [{ name: 'x', user: { token: 'x' } }], contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
  }));
  environment = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`, HOME: folder, ZDOTDIR: folder, XDG_CONFIG_HOME: join(folder, 'config'), XDG_DATA_HOME: join(folder, 'data'), KUBECONFIG: kubeconfig, TERM: 'dumb', LC_ALL: 'C.UTF-8' };
});
afterAll(() => {
  api.closeAllConnections();
  api.close();
  rmSync(folder, { recursive: true, force: true });
});

const ask = async (program: string, parameters: readonly string[]): Promise<string> => (await promisify(execFile)(program, parameters, { env: environment, cwd: join(folder, 'work'), timeout: 50_000 })).stdout;
const lines = (text: string): string[] => text.split('\n').map((line) => line.split('\t')[0]!.trimEnd()).filter((line) => line !== '');

/** What a bash completes of words as it breaks them. */
async function inBash(line: string): Promise<string[]> {
  const words = line.split(/(?<==)|(?==)| /);
  return lines(await ask('bash', ['--noprofile', '--norc', '-c', `source <(isthmus completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _isthmus; printf '%s\\n' "\${COMPREPLY[@]}"`, 'bash', ...words]));
}

const inFish = async (line: string): Promise<string[]> => lines(await ask('fish', ['--no-config', '-c', 'isthmus completion fish | source; complete -C "$argv[1]"', '--', line]));

/** A terminal of its own, in which a person types the line and presses Tab; what zsh would offer is printed on the way. */
const ZSHRC = String.raw`PROMPT= RPROMPT=
unset zle_bracketed_paste
LOAD
bindkey '^I' complete-word
compadd () {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return $?; fi
  typeset -a hits texts; local hit
  builtin compadd -A hits "$@"
  for hit in $hits; do print -r -- "HIT:$hit:"; done
  builtin compadd "$@"
}
after () { print -r -- "END:"; comppostfuncs=(after) }
comppostfuncs=(after)
print -r -- READY:
`.replaceAll('\\$', '$');
const TYPE = `zmodload zsh/zpty || exit 1
typeset line
zpty z zsh -i
while zpty -r z line; do [[ $line == *READY:* ]] && break; done
zpty -n -w z "$1"$'\\t'
while zpty -r z line; do print -r -- "$line"; [[ $line == *END:* ]] && break; done
zpty -d z
`;
async function inZsh(line: string, load = 'source <(isthmus completion zsh)'): Promise<string[]> {
  writeFileSync(join(folder, '.zshrc'), ZSHRC.replace('LOAD', load));
  writeFileSync(join(folder, 'type.zsh'), TYPE);
  return [...(await ask('zsh', ['-f', join(folder, 'type.zsh'), line])).matchAll(/HIT:(.*):/g)].map(([, hit]) => hit!);
}

const IN: Readonly<Record<(typeof SHELLS)[number], (line: string) => Promise<string[]>>> = { bash: inBash, fish: inFish, zsh: inZsh };

for (const shell of SHELLS) {
  describe.skipIf(!has(shell))(`completion in a real ${shell}`, () => {
    test.each([
      ['isthmus ru', ['run']],
      ['isthmus run pa', ['pause']],
      ['isthmus run simulate --fa', ['--fail', '--fail-percent']],
      ['isthmus run simulate -o s', ['svg']],
      ['isthmus run status ', ['europe-1', 'europe-2']],
      ['isthmus run diff europe-1 b', ['berlin', 'bern']],
      ['isthmus run simulate --fail berlin,', ['berlin,bern', 'berlin,oslo']],
      ['isthmus run create new --strategy=x --clusters o', ['oslo']],
    ])('%s', async (line, words) => {
      expect((await IN[shell](line)).sort()).toEqual(words);
    });

    test('a value after a sign', async () => {
      expect(await IN[shell]('isthmus run simulate --output=s')).toEqual([shell === 'bash' ? 'svg' : '--output=svg']);
    });

    test.skipIf(shell === 'bash')('names of files are the shell\'s', async () => {
      expect(await IN[shell]('isthmus run simulate --picture ')).toEqual(['plan.svg']);
    });
  });
}

describe.skipIf(!has('zsh'))('the script for zsh', () => {
  test('as _isthmus in a folder of $fpath', async () => {
    const functions = join(folder, 'functions');
    mkdirSync(functions);
    writeFileSync(join(functions, '_isthmus'), SCRIPTS.zsh);
    chmodSync(functions, 0o755);
    expect(await inZsh('isthmus run pa', `fpath=(${functions} $fpath); autoload -Uz compinit; compinit -u -D`)).toEqual(['pause']);
  });
});

test.skipIf(!has('bash'))('the script for bash names its function', async () => {
  expect((await ask('bash', ['--noprofile', '--norc', '-c', `${SCRIPTS.bash}complete -p isthmus`])).trim()).toBe('complete -F _isthmus isthmus');
});
