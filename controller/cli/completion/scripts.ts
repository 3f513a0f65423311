/** What shells are told. Each asks `isthmus completion words` with what was typed, and shows what that prints: a word a line, after a tab what it means, `:files` for the shell's own names of files. */

const BASH = `# bash completion of isthmus. Load it:  source <(isthmus completion bash)
_isthmus() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        if [ "$line" = ':files' ]; then
            compopt -o default 2>/dev/null
            COMPREPLY=()
            return
        fi
        COMPREPLY+=("\${line%%$'\\t'*}")
    done < <("\${COMP_WORDS[0]}" completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _isthmus isthmus
`;

const ZSH = `#compdef isthmus
# zsh completion of isthmus. Load it:  source <(isthmus completion zsh)   or keep it as _isthmus in a folder of $fpath
_isthmus() {
    local line word
    local -a candidates
    while IFS= read -r line; do
        if [[ "$line" == ':files' ]]; then
            _files
            return
        fi
        word="\${\${line%%$'\\t'*}//:/\\\\:}"
        if [[ "$line" == *$'\\t'* ]]; then
            word+=":\${line#*$'\\t'}"
        fi
        candidates+=("$word")
    done < <("\${(Q)words[1]}" completion words -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)
    _describe -t values isthmus candidates
}
if [ "\${funcstack[1]}" = _isthmus ]; then
    _isthmus "$@"
else
    if (( ! $+functions[compdef] )); then
        autoload -Uz compinit && compinit
    fi
    compdef _isthmus isthmus
fi
`;

const FISH = `# fish completion of isthmus. Load it:  isthmus completion fish | source
function __isthmus_complete
    set -l typed (commandline -opc)
    set -l lines ($typed[1] completion words -- $typed[2..-1] (commandline -ct) 2>/dev/null)
    if contains -- ':files' $lines
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $lines
    end
end
complete -c isthmus -f -a '(__isthmus_complete)'
`;

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export const SCRIPTS: Readonly<Record<(typeof SHELLS)[number], string>> = { bash: BASH, zsh: ZSH, fish: FISH };
