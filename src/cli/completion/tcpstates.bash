# Completion of tcpstates for bash: the program lists what may follow.
_tcpstates() {
    local line=${COMP_LINE:0:COMP_POINT} character rest reply words IFS=$' \t\n'
    line=${line#*"$1"}
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=('')
    rest=${words[${#words[@]} - 1]}
    # bash replaces what follows the last of its word breaks only.
    for character in = :; do
        [[ $COMP_WORDBREAKS == *"$character"* ]] && rest=${rest##*"$character"}
    done
    local prefix=${words[${#words[@]} - 1]}
    prefix=${prefix%"$rest"}
    mapfile -t reply < <("$1" completions bash -- "${words[@]}" 2>/dev/null)
    COMPREPLY=()
    case ${reply[0]} in
        FILES) compopt -o default ;;
        DIRECTORIES) compopt -o dirnames ;;
        *)
            COMPREPLY=("${reply[@]#"$prefix"}")
            [[ ${reply[0]} == *= ]] && compopt -o nospace
            ;;
    esac
}
complete -F _tcpstates tcpstates tcp-states
