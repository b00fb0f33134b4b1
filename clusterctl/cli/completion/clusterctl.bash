# bash completion of clusterctl: what could stand at the cursor is said by `clusterctl completion words`,
# from files of this machine only.
_clusterctl() {
    local line=${COMP_LINE:0:COMP_POINT} value rest head word tail
    COMPREPLY=()
    while IFS=$'\t' read -r value rest; do
        case $value in
        :files) compopt -o default ;;
        :nospace) compopt -o nospace ;;
        *) COMPREPLY+=("$value") ;;
        esac
    done < <("${COMP_WORDS[0]}" completion words "$line" 2>/dev/null)
    word=${line##*[[:space:]]}
    tail=$word
    # readline puts in only what follows the last of its word breaks, and a leading @; of a quoted word all.
    if [[ $word != [\'\"]* ]]; then
        [[ $COMP_WORDBREAKS == *=* ]] && tail=${tail##*=}
        [[ $COMP_WORDBREAKS == *:* ]] && tail=${tail##*:}
        [[ $COMP_WORDBREAKS == *@* && $tail == *@* ]] && tail=@${tail##*@}
        head=${word%"$tail"}
        COMPREPLY=("${COMPREPLY[@]#"$head"}")
    fi
}
complete -F _clusterctl clusterctl
