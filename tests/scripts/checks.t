#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# The tree keeps its own rules, and each check finds a fault that is planted in a copy of the tree.
# shellcheck source=tests/tap.sh
. tests/tap.sh
B=${B:-build}

# good NAME CHECK…: what the tree as it stands says
good() {
	name=$1
	shift
	out=$("$@" 2>&1)
	rc=$?
	if [ $rc = 77 ]; then
		skip "$name" "$out"
		return
	fi
	ok $rc "$name" || printf '%s\n' "$out" | head -n 20 | sed 's/^/# /'
}

# faulty NAME PATTERN CHECK…: it must fail and say so
faulty() {
	name=$1
	pattern=$2
	shift 2
	out=$("$@" 2>&1)
	rc=$?
	if [ $rc = 77 ]; then
		skip "$name" "$out"
		return
	fi
	ok $((rc == 0)) "$name fails"
	has "$out" "$pattern" "$name: says where"
}

good "floors" scripts/check-layers
good "sizes" scripts/check-size
good "format" scripts/check-format
good "symbols" scripts/check-symbols "$B"

t=$tmp/tree
fresh() {
	rm -rf "$t"
	mkdir -p "$t/src/base" "$t/src/vm" "$t/src/object" "$t/src/engine" "$t/cli" \
		"$t/include/skep" "$t/tests"
	cp -r scripts .clang-format "$t"
	printf 'int x;\n' >"$t/src/base/x.c"
	printf '#include <skep/x.h>\n' >"$t/cli/x.c"
}

fresh
good "a small tree: floors" scripts/check-layers "$t"
good "a small tree: sizes" scripts/check-size "$t"
good "a small tree: format" scripts/check-format "$t"

plant() { # plant FILE TEXT
	fresh
	printf '%b' "$2" >"$t/$1"
}
plant src/base/bad.c '#include "base/x.h"\n#include "object/object.h"\n'
faulty "a floor that includes a higher one" '^src/base/bad.c:2: ' scripts/check-layers "$t"
plant src/vm/bad.h '#include "object/object.h"\n'
faulty "a stranger's header" '^src/vm/bad.h:1: ' scripts/check-layers "$t"
plant src/base/bad.c '#include "nowhere/x.h"\n'
faulty "an unknown room" '^src/base/bad.c:1: .*no such floor' scripts/check-layers "$t"
plant cli/bad.c '#include <skep/object.h>\n#include "base/mem.h"\n'
faulty "a command line that cheats" '^cli/bad.c:2: ' scripts/check-layers "$t"
plant include/skep/bad.h '#include "object/object.h"\n'
faulty "a public header that includes a private one" '^include/skep/bad.h:1: ' \
	scripts/check-layers "$t"
plant src/engine/user.c '#include <bpf/libbpf.h>\n'
faulty "libbpf.h outside the kernel engine" '^src/engine/user.c:1: ' scripts/check-layers "$t"
plant src/engine/user.c 'int f(void)\n{\n\treturn !bpf_object__open("x");\n}\n'
faulty "a libbpf call outside the kernel engine" '^src/engine/user.c:3: ' scripts/check-layers "$t"
plant src/engine/kernel_x.c '#include <bpf/libbpf.h>\nvoid *f(void)\n{\n\treturn bpf_object__open("x");\n}\n'
good "libbpf inside the kernel engine" scripts/check-layers "$t"

body() { # body LINES: a function of that many lines
	echo "int long_one(int x)"
	echo "{"
	i=2
	while [ $((i += 1)) -lt "$1" ]; do
		printf '\tx++;\n'
	done
	printf '\treturn x;\n}\n'
}
fresh
body 80 >"$t/src/base/long.c"
good "a function of 80 lines" scripts/check-size "$t"
body 81 >"$t/src/base/long.c"
faulty "a function of 81 lines" 'long_one\(\) has 81 lines' scripts/check-size "$t"
echo "src/base/long.c long_one it is a dispatch loop" >>"$t/scripts/size-allow"
good "one that the list allows" scripts/check-size "$t"
echo "src/base/long.c other" >>"$t/scripts/size-allow"
faulty "an entry of the list without a reason" 'size-allow:.*reason' scripts/check-size "$t"
fresh
yes 'int x;' | head -n 800 >"$t/src/base/long.c"
good "a file of 800 lines" scripts/check-size "$t"
yes 'int x;' | head -n 801 >"$t/src/base/long.c"
faulty "a file of 801 lines" 'src/base/long.c:801: ' scripts/check-size "$t"
echo "src/base/long.c FILE a table" >>"$t/scripts/size-allow"
good "one that the list allows" scripts/check-size "$t"

plant src/base/bad.c 'int f( int x ){ return x ; }\n'
faulty "spaces" 'src/base/bad.c:1:' scripts/check-format "$t"

cc=${CC:-cc}
lib() { # lib C-TEXT: build/ of a library with that text in it
	mkdir -p "$tmp/lib"
	printf '%s\n' "$1" >"$tmp/lib/x.c"
	rm -f "$tmp/lib/libskep.a"
	$cc -fPIC -c -o "$tmp/lib/x.o" "$tmp/lib/x.c" && ar rcs "$tmp/lib/libskep.a" "$tmp/lib/x.o" &&
		$cc -shared -o "$tmp/lib/libskep.so" "$tmp/lib/${2:-x}.o"
}
lib 'int skep_x(void) { return 1; }'
good "a library with skep_* only" scripts/check-symbols "$tmp/lib"
lib 'int skep_x(void) { return 1; } int leak;'
faulty "a library that leaks a name" 'libskep.a exports leak' scripts/check-symbols "$tmp/lib"
has "$out" 'libskep.so exports leak' "the shared one likewise"
lib "static int skep_x(void) { return 1; }"
faulty "a library that exports nothing" 'libskep.so exports nothing' scripts/check-symbols "$tmp/lib"
echo 'int skep_y;' >"$tmp/lib/y.c"
$cc -fPIC -c -o "$tmp/lib/y.o" "$tmp/lib/y.c"
lib 'int nowhere(void); int skep_x(void) { return nowhere(); }' y
faulty "an archive with a name that is nowhere" 'found in no library: nowhere' \
	scripts/check-symbols "$tmp/lib"
tap_done
