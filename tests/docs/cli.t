#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# What --help says is what docs/cli.md, the man pages and the completion say; man pages are clean.
# shellcheck disable=SC2016,SC2086
# shellcheck source=tests/tap.sh
. tests/tap.sh
B=${B:-build}
skep=$B/skep

help_options() { # COMMAND: "letter name" per line, "-" for no letter
	"$skep" "$1" --help | sed -n 's/^  \(-\(.\),\|   \) --\([a-z-]*\).*/\2 \3/p' | sed 's/^ /- /' |
		sort
}
doc_options() { # COMMAND: likewise, from the table of docs/cli.md
	sed -n 's/^| \(`-\(.\)`, \)\{0,1\}`--\([a-z-]*\)` |[^|]*| \([a-z, ]*\) |.*/\4|\2 \3/p' docs/cli.md |
		grep -E "^([a-z, ]*\<$1\>|all)" | sed 's/.*|//; s/^ /- /' | sort
}
man_options() {
	sed -n 's/^\.It Fl \(\(.\) , \)\{0,1\}-\([a-z-]*\).*/\2 \3/p' "man/skep-$1.1" |
		sed 's/^ /- /' | sort
}

commands=$("$skep" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
has "$commands" '^run$' "--help lists the commands"
for c in $commands; do
	case $c in
	help | version) continue ;;
	esac
	want=$(help_options "$c")
	has "$want" '^h help$' "skep $c --help lists options"
	is "$(doc_options "$c")" "$want" "docs/cli.md has the options of $c"
	is "$(man_options "$c")" "$want" "man/skep-$c.1 has the options of $c"
	is "$(. completion/skep.bash && v=_skep_options_$c && printf '%s\n' ${!v} | sort)" \
		"$(echo "$want" | sed 's/.* /--/' | sort)" "the completion has the options of $c"
	grep -q "skep-$c" man/skep.1
	ok $? "man/skep.1 names skep-$c"
done
twice=$(for c in $commands; do
	case $c in
	help | version) ;;
	*) help_options "$c" ;;
	esac
done | grep -v '^-' | grep -vx 'p prog' | sort -u | cut -d' ' -f1 | uniq -d)
is "$twice" "" "one letter has one meaning"

complete_words() { # WORD…: what TAB offers at the end of the last
	bash -c '. completion/skep.bash
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_skep 2>/dev/null
		printf "%s\n" "${COMPREPLY[@]}"' _ "$@"
}
is "$(complete_words skep s)" show "TAB completes a command"
is "$(complete_words skep run --eng)" --engine "TAB completes an option"
is "$(complete_words skep run -e k)" kernel "TAB completes a value"
is "$(complete_words skep run examples/xdp)" examples/xdp_drop.bpf.c "TAB completes a source"
is "$(complete_words skep run --pcap examples/)" examples/mixed.pcap "TAB completes a capture"
has "$(complete_words skep run x.o -- ca)" '^cat$' "TAB completes the traced command"

if command -v mandoc >/dev/null; then
	is "$(mandoc -T lint -W warning man/*.1 2>&1)" "" "man pages are clean"
else
	skip "man pages are clean" "no mandoc"
fi
if command -v shellcheck >/dev/null; then
	is "$(shellcheck -x bootstrap .ci/run completion/skep.bash scripts/check-* scripts/fuzz-run \
		tests/tap.sh tests/docs/*.t tests/scripts/*.t 2>&1)" "" "shellcheck"
else
	skip "shellcheck" "not installed"
fi

# Links of the documents lead somewhere.
broken=$(for f in README.md docs/*.md; do
	sed -n 's/.*](\([^)#:]*\)).*/\1/p' "$f" | while read -r to; do
		[ -e "$(dirname "$f")/$to" ] || echo "$f: $to"
	done
done)
is "$broken" "" "links between documents"
tap_done
