#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# make install into a directory, then build and run against what is there.
# shellcheck source=tests/tap.sh
. tests/tap.sh
[ "${B:-build}" = build ] || skip_all "the ordinary build is what gets installed"
cc=${CC:-cc}
root=$tmp/root

out=$(make install DESTDIR="$root" prefix=/usr libdir=/usr/lib 2>&1)
ok $? "make install" || printf '%s\n' "$out" | tail -n 20 | sed 's/^/# /'
for f in bin/skep lib/libskep.a lib/libskep.so lib/libskep.so.0 lib/pkgconfig/skep.pc \
	include/skep/object.h share/man/man1/skep.1 share/man/man1/skep-run.1 \
	share/skep/btf/vmlinux-6.12.btf.zst share/skep/include/skep_macros.h \
	share/bash-completion/completions/skep share/doc/skep/LICENSE; do
	[ -s "$root/usr/$f" ]
	ok $? "/usr/$f"
done
is "$(readlink "$root/usr/lib/libskep.so.0" | sed 's/[0-9.]*$//')" libskep.so \
	"the soname leads to the file with the version"

# Every public header compiles alone, in C and in C++.
inc=$root/usr/include
for h in "$inc"/skep/*.h; do
	name=skep/${h##*/}
	echo "#include <$name>" >"$tmp/h.c"
	out=$($cc -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -I"$inc" "$tmp/h.c" 2>&1)
	ok $? "$name alone in C99" || printf '%s\n' "$out" | head -n 5 | sed 's/^/# /'
	if command -v c++ >/dev/null; then
		out=$(c++ -x c++ -Wall -Wextra -Werror -fsyntax-only -I"$inc" "$tmp/h.c" 2>&1)
		ok $? "$name alone in C++" || printf '%s\n' "$out" | head -n 5 | sed 's/^/# /'
	fi
done

# What the headers declare is in the library.
nm -D --defined-only "$root/usr/lib/libskep.so" | awk '{ print $3 }' | sed 's/@.*//' >"$tmp/has"
lacking=$(cat "$inc"/skep/*.h | grep -oE '\bskep_[a-z_]+\(' | tr -d '(' | sort -u |
	grep -vxF -f "$tmp/has" | grep -v '_fn$')
is "$lacking" "" "every call that is declared is there"

cat >"$tmp/user.c" <<'EOC'
#include <skep/object.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct skep_prog_info info = {.sz = sizeof(info)};
	struct skep_object *obj;
	struct skep_diag diag = {0};
	char text[1024];

	if (argc > 1 && !skep_object_open(argv[1], NULL, &obj, &diag)) {
		skep_object_prog(obj, 0, &info);
		printf("%s %s\n", info.name, info.section);
		skep_object_free(obj);
		return 0;
	}
	skep_diag_format(&diag, text, sizeof(text));
	printf("%s\n", text);
	return 1;
}
EOC
PKG_CONFIG_SYSROOT_DIR=$root
PKG_CONFIG_PATH=$root/usr/lib/pkgconfig
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH
# shellcheck disable=SC2046
out=$($cc -o "$tmp/shared" "$tmp/user.c" $(pkg-config --cflags --libs skep) 2>&1)
ok $? "a program links with pkg-config" || printf '%s\n' "$out" | sed 's/^/# /'
out=$(LD_LIBRARY_PATH="$root/usr/lib" "$tmp/shared" tests/source/cases/minimal.bpf.c 2>&1)
is "$out" "handle_tp tp/syscalls/sys_enter_write" "it runs"
out=$(LD_LIBRARY_PATH="$root/usr/lib" "$tmp/shared" /nowhere.o 2>&1)
has "$out" '/nowhere.o: .*No such file' "and hears what is wrong"
unset PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH
libs=$(sed -n 's/^Requires.private: //p' "$root/usr/lib/pkgconfig/skep.pc")
# shellcheck disable=SC2046,SC2086
out=$($cc -o "$tmp/static" "$tmp/user.c" -I"$inc" "$root/usr/lib/libskep.a" \
	$(pkg-config --libs $libs) -pthread -lm 2>&1)
ok $? "the archive links too" || printf '%s\n' "$out" | sed 's/^/# /'
is "$("$tmp/static" tests/source/cases/minimal.bpf.c 2>&1)" \
	"handle_tp tp/syscalls/sys_enter_write" "and runs"

"$root/usr/bin/skep" version >"$tmp/out" 2>&1
ok $? "the installed program runs"
has "$(cat "$tmp/out")" '0\.1\.0' "and says its version"
tap_done
