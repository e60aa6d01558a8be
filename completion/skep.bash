# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2207
# Completion of skep for bash. A test compares the options with those of --help.

_skep_options_run="--engine --output --fields --duration --interval --maps --map --entries --var --prog --attach
	--iface --xdp-mode --direction --cgroup --netns --sockmap --route --netfilter --freq --period
	--event --target-prog --target-map --device --port --replace --pin
	--binary --pid --pcap --out --ifname --fib --ctx --packet --repeat --max-insns --map-memory
	--metrics --fail-on-loss --unpatched --btf --clang
	--cflag --verbose --quiet --help"
_skep_options_check="--output --prog --type --log --flags --btf --clang --cflag --verbose --quiet --help"
_skep_options_show="--output --insns --xlated --jited --prog --pid --btf --clang --cflag --verbose --quiet --help"
_skep_options_unpin="--verbose --quiet --help"
_skep_options_map="--output --interval --duration --value --only --verbose --quiet --help"
_skep_options_doctor="--output --verbose --quiet --help"

# Files whose names end in one of the words of $1, and directories.
_skep_files() {
	local cur=$2 f end
	COMPREPLY=()
	while IFS= read -r f; do
		if [ -d "$f" ]; then
			COMPREPLY+=("$f/")
			continue
		fi
		for end in $1; do
			case $f in
			*"$end") COMPREPLY+=("$f") ;;
			esac
		done
	done < <(compgen -f -- "$cur")
	compopt -o nospace -o filenames 2>/dev/null
}

_skep() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} cmd=${COMP_WORDS[1]} i
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		COMPREPLY=($(compgen -W "run check show map unpin doctor help version --help --version" -- "$cur"))
		return
	fi
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = -- ]; then # the traced command and its arguments
			if [ $((i + 1)) = "$COMP_CWORD" ]; then
				COMPREPLY=($(compgen -c -- "$cur"))
			else
				COMPREPLY=($(compgen -f -- "$cur"))
			fi
			return
		fi
	done
	case $prev in
	-e | --engine)
		COMPREPLY=($(compgen -W "auto user kernel" -- "$cur"))
		return
		;;
	-o | --output)
		COMPREPLY=($(compgen -W "table json" -- "$cur"))
		return
		;;
	-p | --pid)
		COMPREPLY=($(compgen -W "$(cd /proc && printf '%s\n' [0-9]*)" -- "$cur"))
		return
		;;
	--pcap)
		_skep_files ".pcap .pcapng .cap" "$cur"
		return
		;;
	--out | --ctx | --packet | --btf | --binary | --clang)
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	help)
		COMPREPLY=($(compgen -W "run check show map unpin doctor" -- "$cur"))
		return
		;;
	esac
	case $cmd:$cur in
	run:-*) COMPREPLY=($(compgen -W "$_skep_options_run" -- "$cur")) ;;
	unpin:-*) COMPREPLY=($(compgen -W "$_skep_options_unpin" -- "$cur")) ;;
	map:-*) COMPREPLY=($(compgen -W "$_skep_options_map" -- "$cur")) ;;
	map:*)
		if [ "$COMP_CWORD" = 2 ]; then
			COMPREPLY=($(compgen -W "get set del pop dump watch load" -- "$cur"))
		else
			COMPREPLY=($(compgen -f -- "$cur"))
		fi
		;;
	show:-*) COMPREPLY=($(compgen -W "$_skep_options_show" -- "$cur")) ;;
	show:*)
		_skep_files ".c .o" "$cur"
		if [ "$COMP_CWORD" = 2 ]; then
			COMPREPLY+=($(compgen -W "progs maps links btf" -- "$cur"))
		fi
		;;
	check:-*) COMPREPLY=($(compgen -W "$_skep_options_check" -- "$cur")) ;;
	run:* | check:*) _skep_files ".c .o" "$cur" ;;
	doctor:*) COMPREPLY=($(compgen -W "$_skep_options_doctor" -- "$cur")) ;;
	esac
}

complete -F _skep skep
