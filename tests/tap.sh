# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=sh
# TAP for shell tests: `. tests/tap.sh`, then ok/is/run_ok…, then `tap_done`. $tmp is a directory
# of the test's own that goes when it ends.
tap_nr=0
tap_failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/skep-test.XXXXXX") || exit 1
# What is tested is the user engine unless a test says -e, whoever runs it.
: "${SKEP_ENGINE=user}"
export SKEP_ENGINE
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM

# ok STATUS NAME…: 0 is good
ok() {
	tap_status=$1
	shift
	tap_nr=$((tap_nr + 1))
	if [ "$tap_status" -eq 0 ]; then
		echo "ok $tap_nr - $*"
	else
		echo "not ok $tap_nr - $*"
		tap_failed=$((tap_failed + 1))
	fi
	return "$tap_status"
}

# is GOT WANT NAME…
is() {
	tap_got=$1
	tap_want=$2
	shift 2
	[ "$tap_got" = "$tap_want" ]
	ok $? "$*" && return
	printf '%s\n' "$tap_got" | sed 's/^/#  got: /'
	printf '%s\n' "$tap_want" | sed 's/^/# want: /'
	return 1
}

# has TEXT PATTERN NAME…: an extended regular expression matches a line of the text
has() {
	tap_text=$1
	tap_pattern=$2
	shift 2
	printf '%s\n' "$tap_text" | grep -Eq -e "$tap_pattern"
	ok $? "$*" && return
	echo "# no line matches: $tap_pattern"
	printf '%s\n' "$tap_text" | head -n 40 | sed 's/^/#  got: /'
	return 1
}

# hasnt TEXT PATTERN NAME…
hasnt() {
	tap_text=$1
	tap_pattern=$2
	shift 2
	! printf '%s\n' "$tap_text" | grep -Eq -e "$tap_pattern"
	ok $? "$*" && return
	echo "# matches, and must not: $tap_pattern"
	printf '%s\n' "$tap_text" | grep -E -e "$tap_pattern" | head -n 5 | sed 's/^/#  got: /'
	return 1
}

skip() {
	tap_nr=$((tap_nr + 1))
	echo "ok $tap_nr - $1 # SKIP $2"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

tap_done() {
	echo "1..$tap_nr"
	[ "$tap_failed" -eq 0 ]
	exit $?
}
