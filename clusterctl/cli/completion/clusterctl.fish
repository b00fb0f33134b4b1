# fish completion of clusterctl: what could stand at the cursor is said by `clusterctl completion words`,
# from files of this machine only.
function __clusterctl_words
    for line in (clusterctl completion words (commandline -cp) 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':nospace'
            case '*'
                echo $line
        end
    end
end
complete -c clusterctl -f -a '(__clusterctl_words)'
