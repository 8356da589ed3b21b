"""The scripts of the shells without their words. In all of them: walk over the words before the cursor to find the
command, skip the values of options, then offer what the table has for it; where it has nothing, files. A word of the
table that begins with @ stands for names, which are asked of the service that the line means.
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
    local current="${COMP_WORDS[COMP_CWORD]}" key='' option='' named='' word name i case_counts=''
    local -a words=() offered=() place=()
    # Cmdlets are found in any case, as everywhere.
    shopt -q nocasematch || case_counts=1
    shopt -s nocasematch
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        if [[ -n $option ]]; then
            case "$option" in --data|--url|--token-file) place+=("$option" "$word") ;; esac
            option=''
        elif [[ $word == -* ]]; then
            [[ $word == --allow-plain-http ]] && place+=("$word")
            _mailferry_words "${key:+$key }$word" >/dev/null && option="$word"
        elif _mailferry_words "${key:+$key }$word" >/dev/null; then
            key="${key:+$key }$word"
        else
            named=1
        fi
    done
    if [[ -n $option ]]; then
        read -ra words <<<"$(_mailferry_words "${key:+$key }$option")"
    else
        read -ra words <<<"$(_mailferry_words "$key")"
    fi
    for word in "${words[@]}"; do
        if [[ $word == @* ]]; then
            offered+=("$word")
            [[ -n $option || ( -z $named && $current != -* ) ]] || continue
            while IFS= read -r name; do
                [[ $name == "$current"* ]] && COMPREPLY+=("$(printf '%q' "$name")")
            done < <("${COMP_WORDS[0]}" completion names --of="${word#@}" --begun="$current" "${place[@]}" 2>/dev/null)
        elif [[ -n $option || $current == -* || $word != -* ]]; then
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
    setopt localoptions extendedglob
    case "$1" in
@CASES@
        *) return 1 ;;
    esac
}

_mailferry() {
    local current="${words[CURRENT]}" key='' option='' named='' word found mark
    local -a offered marks names place
    for word in "${(@)words[2,CURRENT-1]}"; do
        if [[ -n $option ]]; then
            case "$option" in --data|--url|--token-file) place+=("$option" "${(Q)word}") ;; esac
            option=''
        elif [[ $word == -* ]]; then
            [[ $word == --allow-plain-http ]] && place+=("$word")
            _mailferry_words "${key:+$key }$word" >/dev/null && option="$word"
        elif _mailferry_words "${key:+$key }$word" >/dev/null; then
            key="${key:+$key }$word"
        else
            named=1
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
    marks=(${(M)offered:#@*})
    offered=(${offered:#@*})
    if [[ -n $option || ( -z $named && $current != -* ) ]]; then
        for mark in $marks; do
            found="$("${(Q)words[1]}" completion names --of="${mark#@}" --begun="${(Q)current}" $place 2>/dev/null)"
            names+=("${(@f)found}")
        done
    fi
    offered+=(${names:#})
    if (( ${#offered} + ${#marks} )); then
        compadd -M 'm:{a-zA-Z}={A-Za-z}' -- $offered
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
    switch (string lower -- "$argv[1]")
@CASES@
        case '*'
            return 1
    end
    # That of `string join` says whether there were several words.
    return 0
end

function __mailferry_complete
    set -l key ''
    set -l option ''
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l named ''
    set -l place
    for word in $before[2..-1]
        set -l next (string trim -- "$key $word")
        if test -n "$option"
            contains -- "$option" --data --url --token-file; and set -a place "$option" "$word"
            set option ''
        else if string match -q -- '-*' "$word"
            test "$word" = --allow-plain-http; and set -a place "$word"
            __mailferry_words "$next" >/dev/null; and set option "$word"
        else if __mailferry_words "$next" >/dev/null
            set key "$next"
        else
            set named 1
        end
    end
    set -l offered (__mailferry_words (string trim -- "$key $option"))
    if test -z "$option"; and not string match -q -- '-*' "$current"
        set offered (string match -v -- '-*' $offered)
    end
    set -l marks (string match -- '@*' $offered)
    set offered (string match -v -- '@*' $offered)
    if test -n "$option"; or begin; test -z "$named"; and not string match -q -- '-*' "$current"; end
        for mark in $marks
            set -l of (string sub -s 2 -- "$mark")
            set -a offered ($before[1] completion names --of="$of" --begun="$current" $place 2>/dev/null)
        end
    end
    if test -n "$offered$marks"
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
    $named = $false
    $place = @()
    $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
    foreach ($word in $before) {
        $next = "$key $word".Trim()
        if ($option) {
            if (@('--data', '--url', '--token-file') -contains $option) { $place += @($option, $word.Trim("'", '"')) }
            $option = ''
        } elseif ($word.StartsWith('-')) {
            if ($word -eq '--allow-plain-http') { $place += $word }
            if ($table.ContainsKey($next)) { $option = $word }
        } elseif ($table.ContainsKey($next)) {
            $key = $next
        } else {
            $named = $true
        }
    }
    $offered = @("$($table["$key $option".Trim()])".Split(' ') | Where-Object { $_ })
    if (-not $option -and -not $wordToComplete.StartsWith('-')) {
        $offered = @($offered | Where-Object { -not $_.StartsWith('-') })
    }
    $marks = @($offered | Where-Object { $_.StartsWith('@') })
    $offered = @($offered | Where-Object { -not $_.StartsWith('@') -and $_ -like "$wordToComplete*" })
    if ($option -or (-not $named -and -not $wordToComplete.StartsWith('-'))) {
        $program = $commandAst.CommandElements[0].ToString()
        foreach ($mark in $marks) {
            $asked = @('completion', 'names', "--of=$($mark.Substring(1))", "--begun=$wordToComplete") + $place
            $offered += @(& $program @asked 2>$null)
        }
    }
    $offered | ForEach-Object {
        $text = $_
        if ($text -notmatch '^[\w.-]+$') { $text = "'" + $text.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $_, 'ParameterValue', $_)
    }
}
"""
