#compdef clusterctl
# zsh completion of clusterctl: what could stand at the cursor is said by `clusterctl completion words`,
# from files of this machine only.
_clusterctl() {
    local value rest files=0
    local -a space shown values
    while IFS=$'\t' read -r value rest; do
        case $value in
        :files) files=1 ;;
        :nospace) space=(-S '') ;;
        *) values+=("$value"); shown+=("$value${rest:+  -- $rest}") ;;
        esac
    done < <("${words[1]}" completion words "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)
    (( files )) && _files
    (( $#values )) && compadd -l -d shown "${space[@]}" -- "${values[@]}"
}
compdef _clusterctl clusterctl
