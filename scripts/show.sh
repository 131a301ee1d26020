# shellcheck shell=bash
# Sourced by scripts that run the tools: commands are shown as they run, ready to be copied.

die() { # MESSAGE HINT [EXIT CODE]
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit "${3:-1}"
}

quoted() { # WORD: as one would type it in a shell
    case $1 in
    '' | *[!A-Za-z0-9_./:=,@%+-]*)
        case $1 in
        *[\"\$\`\\!]*) printf '%q' "$1" ;;
        *) printf '"%s"' "$1" ;;
        esac
        ;;
    *) printf '%s' "$1" ;;
    esac
}

show() { # COMMAND...: ready to be copied; long commands are broken between options
    local word option='' line='$'
    for word in "$@" --; do
        case $word in
        --*)
            if [ $((${#line} + ${#option})) -gt 110 ]; then
                printf '%s \\\n' "$line" >&2
                line='   '
            fi
            line+=$option
            option=" $word"
            ;;
        *) option+=" $(quoted "$word")" ;;
        esac
    done
    printf '%s\n' "$line" >&2
}

run() { # COMMAND...
    show "$@"
    "$@"
}
