# Completion of tcpstates for fish: the program lists what may follow.
function __tcpstates_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l option (string match -r -- '^--[^=]*=' "$current")
    set -l lines ($typed[1] completions fish -- $typed[2..] "$current" 2>/dev/null)
    switch "$lines[1]"
        case FILES
            printf '%s\n' "$option"(__fish_complete_path (string replace -- "$option" '' "$current"))
        case DIRECTORIES
            printf '%s\n' "$option"(__fish_complete_directories (string replace -- "$option" '' "$current"))
        case '*'
            printf '%s\n' $lines
    end
end
complete -c tcpstates -c tcp-states -f -a '(__tcpstates_complete)'
