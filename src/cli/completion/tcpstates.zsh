#compdef tcpstates tcp-states
# Completion of tcpstates for zsh: the program lists what may follow.
_tcpstates() {
    local -a typed lines plain open
    local line word about
    typed=("${(@Q)words[2,CURRENT]}")
    typed[-1]=$PREFIX
    lines=("${(@f)$(${~words[1]} completions zsh -- "${typed[@]}" 2>/dev/null)}")
    case $lines[1] in
        FILES) compset -P '--*=' && true; _files; return ;;
        DIRECTORIES) compset -P '--*=' && true; _files -/; return ;;
    esac
    for line in $lines; do
        word=${line%%$'\t'*}
        about=${line#*$'\t'}
        line="${word//:/\\:}${about:+:$about}"
        if [[ $word == *= ]]; then open+=($line); else plain+=($line); fi
    done
    _describe -V 'tcpstates' plain -- open -S ''
}
if [[ $funcstack[1] == _tcpstates ]]; then _tcpstates "$@"; else compdef _tcpstates tcpstates tcp-states; fi
