"""The scripts of the shells without their words. In all of them: walk over the words before the cursor to find the
command, skip the values of options, then offer what the table has for it; where it has nothing, files.
"""

from __future__ import annotations

from typing import Final

BASH: Final = r"""# bash completion of mailferry:  source <(mailferry completion bash)
_mailferry_words() {
    case "$1" in
@CASES@
        *) return 1 ;;
    esac
}

_mailferry() {
    local current="${COMP_WORDS[COMP_CWORD]}" key='' option='' word i case_counts=''
    local -a words=() offered=()
    # Cmdlets are found in any case, as everywhere.
    shopt -q nocasematch || case_counts=1
    shopt -s nocasematch
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        if [[ -n $option ]]; then
            option=''
        elif [[ $word == -* ]]; then
            _mailferry_words "${key:+$key }$word" >/dev/null && option="$word"
        elif _mailferry_words "${key:+$key }$word" >/dev/null; then
            key="${key:+$key }$word"
        fi
    done
    if [[ -n $option ]]; then
        read -ra words <<<"$(_mailferry_words "${key:+$key }$option")"
    else
        read -ra words <<<"$(_mailferry_words "$key")"
    fi
    for word in "${words[@]}"; do
        if [[ -n $option || $current == -* || $word != -* ]]; then
            offered+=("$word")
            [[ $word == "$current"* ]] && COMPREPLY+=("$word")
        fi
    done
    [[ -z $case_counts ]] || shopt -u nocasematch
    [[ ${#offered[@]} -gt 0 ]] || compopt -o default 2>/dev/null
}

complete -F _mailferry mailferry
"""

ZSH: Final = r"""#compdef mailferry
# zsh completion of mailferry:  source <(mailferry completion zsh)
_mailferry_words() {
    case "$1" in
@CASES@
        *) return 1 ;;
    esac
}

_mailferry() {
    local current="${words[CURRENT]}" key='' option='' word found
    local -a offered
    for word in "${(@)words[2,CURRENT-1]}"; do
        if [[ -n $option ]]; then
            option=''
        elif [[ $word == -* ]]; then
            _mailferry_words "${key:+$key }$word" >/dev/null && option="$word"
        elif _mailferry_words "${key:+$key }$word" >/dev/null; then
            key="${key:+$key }$word"
        fi
    done
    if [[ -n $option ]]; then
        found="$(_mailferry_words "${key:+$key }$option")"
    else
        found="$(_mailferry_words "$key")"
    fi
    offered=(${=found})
    if [[ -z $option && $current != -* ]]; then
        offered=(${offered:#-*})
    fi
    if (( ${#offered} )); then
        compadd -- $offered
    else
        _files
    fi
}

if (( $+functions[compdef] )); then
    compdef _mailferry mailferry
fi
"""

FISH: Final = r"""# fish completion of mailferry:  mailferry completion fish | source
function __mailferry_words
    switch "$argv[1]"
@CASES@
        case '*'
            return 1
    end
end

function __mailferry_complete
    set -l key ''
    set -l option ''
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for word in $before[2..-1]
        set -l next (string trim -- "$key $word")
        if test -n "$option"
            set option ''
        else if string match -q -- '-*' "$word"
            __mailferry_words "$next" >/dev/null; and set option "$word"
        else if __mailferry_words "$next" >/dev/null
            set key "$next"
        end
    end
    set -l offered (__mailferry_words (string trim -- "$key $option"))
    if test -z "$option"; and not string match -q -- '-*' "$current"
        set offered (string match -v -- '-*' $offered)
    end
    if test -n "$offered"
        string join \n -- $offered
    else
        __fish_complete_path "$current"
    end
end

complete -c mailferry -f -a '(__mailferry_complete)'
"""

POWERSHELL: Final = r"""# PowerShell completion of mailferry:
#   mailferry completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName mailferry -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $table = @{
@CASES@
    }
    $key = ''
    $option = ''
    $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
    foreach ($word in $before) {
        $next = "$key $word".Trim()
        if ($option) { $option = '' }
        elseif ($word.StartsWith('-')) { if ($table.ContainsKey($next)) { $option = $word } }
        elseif ($table.ContainsKey($next)) { $key = $next }
    }
    $offered = @("$($table["$key $option".Trim()])".Split(' ') | Where-Object { $_ })
    if (-not $option -and -not $wordToComplete.StartsWith('-')) {
        $offered = @($offered | Where-Object { -not $_.StartsWith('-') })
    }
    $offered | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
"""
