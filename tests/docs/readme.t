#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Every command of the README's ```sh blocks works, in the tree as it stands.
# shellcheck disable=SC2016
# shellcheck source=tests/tap.sh
. tests/tap.sh
[ "${B:-build}" = build ] || skip_all "the README speaks of the ordinary build"

sed -n '/^```sh$/,/^```$/p' README.md | grep -v '^```' >"$tmp/commands"
[ -s "$tmp/commands" ]
ok $? "the README has commands"
while IFS= read -r line; do
	case $line in
	*DESTDIR=build/root*) # installed once only, by install.t
		skip "$line" "tests/scripts/install.t does it"
		continue
		;;
	esac
	sh -c "$line" >"$tmp/out" 2>&1 </dev/null
	ok $? "$line" || sed 's/^/# /' "$tmp/out"
done <"$tmp/commands"
[ "$(wc -l <README.md)" -le 60 ]
ok $? "it fits on a screen"
for cmd in demo test; do
	grep -q "^    ./bootstrap $cmd" README.md
	ok $? "it says ./bootstrap $cmd"
done
# The run that it shows is a real one.
sed -n 's/^\$ \(build\/skep .*\)/\1/p' README.md >"$tmp/shown"
out=$(LC_ALL=C sh -c "$(head -n 1 "$tmp/shown")" 2>&1)
has "$out" '/etc/hostname$' "what it shows is what comes"
has "$out" '^events: [0-9]+ produced = [0-9]+ delivered \+ 0 lost$' "and the summary"
tap_done
