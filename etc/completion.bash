# Completion for vetrinad and vetrinactl, in bash.

_vetrinad() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	if [[ $before == -c ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -W '-c -f -h -t -T -v -V' -- "$word")
	fi
}

# SERVICE/CHECK of every check that the daemon at this command line's socket has.
_vetrinactl_checks() {
	local i socket=()
	for ((i = 1; i < COMP_CWORD - 1; i++)); do
		[[ ${COMP_WORDS[i]} == -s ]] && socket=(-s "${COMP_WORDS[i + 1]}")
	done
	"${COMP_WORDS[0]}" "${socket[@]}" --json --wait 2s checks 2>/dev/null |
		grep -oE '"(service|check)": ?"[^"]*"' | cut -d'"' -f4 | paste -d/ - -
}

_vetrinactl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	case $before in
	-s)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		;;
	check) mapfile -t COMPREPLY < <(compgen -W "$(_vetrinactl_checks)" -- "$word") ;;
	--site | --wait) ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W '-s --site --wait --json --now
			status checks check services flush reload' -- "$word")
		;;
	esac
}

complete -F _vetrinad vetrinad
complete -F _vetrinactl vetrinactl
