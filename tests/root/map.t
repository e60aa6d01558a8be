#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# skep map on maps that another program holds: typed text in both directions, every kind of map,
# what the kernel refuses in words, files, changes.
cd "${MAP_INSIDE:-$(dirname "$0")/../..}" || exit 1
B=${B:-build}
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root: maps are made in the kernel"; exit 0; }
[ -e /sys/kernel/btf/vmlinux ] || { echo "1..0 # SKIP the kernel has no BTF"; exit 0; }
if [ -z "$MAP_INSIDE" ]; then
	MAP_INSIDE=$PWD exec unshare -mn bash -c '
		mount -t bpf mine /sys/fs/bpf || { echo "1..0 # SKIP no bpffs can be mounted"; exit 0; }
		exec bash tests/root/map.t'
fi
. tests/tap.sh
mkfifo "$tmp/in"
"$B/tests/root/objs_hold" tests/root/progs/objs.bpf.c <"$tmp/in" >"$tmp/hold" 2>"$tmp/hold.err" &
pid=$!
exec 8>"$tmp/in"
trap 'exec 8>&-; wait "$pid" 2>/dev/null; rm -rf "$tmp"' EXIT
for _ in $(seq 300); do
	[ -s "$tmp/hold" ] || ! kill -0 "$pid" 2>/dev/null || { sleep 0.1; continue; }
	break
done
grep -q ready "$tmp/hold"
ok $? "maps are there" || { sed 's/^/# /' "$tmp/hold.err"; tap_done; exit; }
"$B/skep" show maps -p "$pid" -o json >"$tmp/maps"
id_of() { # the test's own: others may have maps of such names
	sed -n "s/^{\"id\":\([0-9]*\),.*\"name\":\"$1\".*/\1/p" "$tmp/maps"
}
# m MAP-NAME becomes its id
m() {
	verb=$1 name=$2
	shift 2
	"$B/skep" map -q "$verb" "$(id_of "$name")" "$@" 2>"$tmp/err"
}
# said STATUS PATTERN NAME
said() {
	[ "$1" != 0 ] && grep -q -- "$2" "$tmp/err"
	ok $? "$3" || sed 's/^/# /' "$tmp/err"
}

# --- a trie, typed
m set k4_blocklist '{"addr":"10.0.0.0/8"}' '{"hits":0}'
ok $? "set: the address member says the prefix too"
m set k4_blocklist 10.1.0.0/16 '{"hits":5,"bytes":6}'
ok $? "set: an address with its prefix"
m set k4_blocklist '{"prefixlen":24,"addr":"10.2.3.0"}' '{7, 8}'
ok $? "set: members"
is "$(m get k4_blocklist 10.1.0.0/16)" "{hits=5, bytes=6}" "get"
is "$(m get k4_blocklist 10.1.2.3/32 -o json)" '{"map":"k4_blocklist","key":"10.1.2.3/32","value":{"hits":5,"bytes":6}}' "get: the longest prefix"
is "$(m dump k4_blocklist -o json | sort)" '{"map":"k4_blocklist","key":"10.0.0.0/8","value":{"hits":0,"bytes":0}}
{"map":"k4_blocklist","key":"10.1.0.0/16","value":{"hits":5,"bytes":6}}
{"map":"k4_blocklist","key":"10.2.3.0/24","value":{"hits":7,"bytes":8}}' "dump as JSON"
is "$(m dump k4_blocklist | head -3 | tr -s ' ')" "k4_blocklist: 3 elements
ADDR HITS BYTES
10.0.0.0/8 0 0" "dump as a table"
m del k4_blocklist 10.1.0.0/16
ok $? "del"
m del k4_blocklist 10.1.0.0/16
said $? "there is no such key" "del: it is gone"
m set k4_blocklist 10.0.0.0/33 '{"hits":1}'
said $? "the prefix has 0 to 32 bits" "a prefix that is too long"
m set k4_blocklist 10.0.0.0/8 '{"nix":1}'
said $? "the members are: hits, bytes" "no such member: the message lists them"

# --- the rest of the kinds
m set k4_a_map_with_a_long_name 5 '{"hits":2}' --only existing
said $? "no such key" "--only existing"
m set k4_a_map_with_a_long_name 5 '{"hits":2}' --only new && ! m set k4_a_map_with_a_long_name 5 '{"hits":2}' --only new
ok $? "--only new"
m set k4_array 3 0x10
is "$(m dump k4_array -o json | sed -n 4p)" '{"map":"k4_array","key":3,"value":16}' "array"
is "$(m dump k4_array -o json | wc -l)" 8 "an array is shown whole"
m set k4_array 8 1
said $? "beyond the last of 8" "an index beyond the last"
m del k4_array 3
said $? "cannot be deleted" "del in an array"
cpus=$(sed 's/.*-//' /sys/devices/system/cpu/possible)
m set k4_percpu 1 4
is "$(m get k4_percpu 1 -o json | sed 's/,"cpus".*//')" "{\"map\":\"k4_percpu\",\"key\":1,\"value\":$((4 * (cpus + 1)))" "a per-CPU value is set everywhere"
m set k4_queue 5 && m set k4_queue 6
is "$(m get k4_queue; m pop k4_queue; m pop k4_queue)" "5
5
6" "queue"
m pop k4_queue
said $? "it is empty" "queue: empty"
m dump k4_queue
said $? "type queue" "queue: cannot be listed"
m set k4_stack 5 && m set k4_stack 6
is "$(m pop k4_stack)" 6 "stack"
m set k4_bloom 5 && m get k4_bloom 5
ok $? "bloom filter: in"
m get k4_bloom 6
said $? "not in there" "bloom filter: not in"
prog=$("$B/skep" show progs k4_xdp -p "$pid" -o json | sed 's/{"id":\([0-9]*\).*/\1/')
m set k4_progs 3 "$prog"
is "$(m get k4_progs 3)" "$prog" "prog_array: by id"
m set k4_progs 3 4000000000
said $? "there is no program 4000000000" "prog_array: no such program"
in=$(m get k4_outer 1)
is "$in" "$(id_of k4_in)" "map in map: the inner one's id"
m set k4_outer 2 "$in"
is "$(m dump k4_outer -o json | sort)" "{\"map\":\"k4_outer\",\"key\":1,\"value\":$in}
{\"map\":\"k4_outer\",\"key\":2,\"value\":$in}" "map in map: set, in batches of 4 bytes"
m set k4_untyped 01:02:03:04:05:06 7
is "$(m dump k4_untyped -o json)" '{"map":"k4_untyped","key":"010203040506","value":7}' "no BTF: hex and integers"
"$B/skep" map dump "$(id_of k4_untyped)" 2>&1 >/dev/null | grep -q 'has no BTF'
ok $? "no BTF: it is said"
m set k4_socks 1 1
said $? "sockets" "sockmap: refused with the reason"
ro=$(id_of '[^"]*\.rodata') data=$(id_of '[^"]*\.data')
is "$("$B/skep" map dump "$ro" -o json | sed 's/.*"value"/"value"/')" '"value":{"k4_constant":9}}' ".rodata: variables"
"$B/skep" map set "$ro" 0 '{"k4_constant":1}' 2>"$tmp/err"
said $? "it is frozen" ".rodata: frozen"
"$B/skep" map set "$data" 0 '{"k4_counter":70}' && is "$("$B/skep" map get "$data" 0)" "{k4_counter=70}" ".data: set a variable"

# --- names, paths
"$B/skep" map dump no_map_is_called_so 2>"$tmp/err"
said $? "skep show maps lists them" "no such name"
"$B/tests/root/objs_hold" tests/root/progs/objs.bpf.c <"$tmp/in" >"$tmp/hold2" 2>&1 &
other=$!
for _ in $(seq 300); do [ -s "$tmp/hold2" ] || { sleep 0.1; continue; }; break; done
"$B/skep" map dump k4_a_map_with_a_long_name 2>"$tmp/err"
said $? "maps are called \"k4_a_map_with_a_long_name\".*$(id_of k4_a_map_with_a_long_name)" "an ambiguous name: the message has the ids"
kill "$other"
wait "$other" 2>/dev/null
if command -v bpftool >/dev/null; then
	bpftool map pin id "$(id_of k4_array)" /sys/fs/bpf/objs_pinned_array
	is "$("$B/skep" map get /sys/fs/bpf/objs_pinned_array 3)" 16 "by path"
	is "$("$B/skep" map get objs_pinned_array 3)" 16 "by the pin's name"
	rm -f /sys/fs/bpf/objs_pinned_array
	is "$(bpftool -j map dump id "$(id_of k4_a_map_with_a_long_name)" | grep -o '"formatted".*')" '"formatted":{"key":5,"value":{"hits":2,"bytes":0}}}]' "bpftool reads what was set"
fi

# --- files
seq 0 199999 | awk '{ printf "%d.%d.%d.0/24 {\"hits\":%d}\n", 20 + $1 / 65536, $1 / 256 % 256, $1 % 256, $1 }' >"$tmp/lines"
m load k4_blocklist "$tmp/lines"
ok $? "load: 200,000 lines"
is "$(m get k4_blocklist 20.2.3.4/24)" "{hits=515, bytes=0}" "load: they are in"
m dump k4_blocklist -o json >"$tmp/dump"
is "$(wc -l <"$tmp/dump")" 200002 "dump: all of them"
sed 's/"hits":[0-9]*/"hits":1/' "$tmp/dump" | m load k4_blocklist -
is "$?$(m get k4_blocklist 20.2.3.4/24)" "0{hits=1, bytes=0}" "load: what dump prints, from stdin"
printf '# comment\n30.0.0.0/8,1,2\n31.0.0.0/8; {"hits":3}\n\n32.0.0.0/8\t{4, 5}\n' >"$tmp/csv"
m load k4_blocklist "$tmp/csv"
is "$?$(for a in 30 31 32; do m get k4_blocklist $a.0.0.0/8; done | tr -d '\n')" "0{hits=1, bytes=2}{hits=3, bytes=0}{hits=4, bytes=5}" "load: commas, semicolons, tabs, comments"
echo '{"40.0.0.0/8": {"hits":9}, "41.0.0.0/8": [1,2]}' | m load k4_blocklist -
is "$?$(m get k4_blocklist 41.0.0.0/8)" "0{hits=1, bytes=2}" "load: an object"
echo '[1,2,3]' | m load k4_array -
is "$?$(m get k4_array 2)" "03" "load: a list by index"
printf '50.0.0.0/8\n51.0.0.0/8\n' | m load k4_blocklist - --value '{"hits":1}'
is "$?$(m get k4_blocklist 51.0.0.0/8)" "0{hits=1, bytes=0}" "load: keys only, with --value"
printf '52.0.0.0/8 {1}\n53.0.0.0/99 {1}\n' | m load k4_blocklist -
said $? "line 2: key" "load: a mistake names its line"
m get k4_blocklist 52.0.0.0/8
said $? "no such key" "load: nothing of a file with a mistake is written"
seq 0 63 | sed 's/$/ 1/' | m load k4_percpu -
printf '%s 1\n' $(seq 100 170) | m load k4_percpu -
said $? "it is full" "load: a map that is full"
seq 1 3 | m load k4_queue -
is "$(m pop k4_queue; m pop k4_queue)" "1
2" "load: a queue takes values"

# --- changes
m watch k4_a_map_with_a_long_name -i 0.1 -o json >"$tmp/watch" &
watch=$!
sleep 0.5
m set k4_a_map_with_a_long_name 9 '{"hits":1}'
sleep 0.4
m set k4_a_map_with_a_long_name 9 '{"hits":2}'
sleep 0.4
m del k4_a_map_with_a_long_name 9
sleep 0.4
pkill -INT -P "$watch"
wait "$watch"
is "$(cat "$tmp/watch")" '{"map":"k4_a_map_with_a_long_name","change":"add","key":9,"value":{"hits":1,"bytes":0}}
{"map":"k4_a_map_with_a_long_name","change":"set","key":9,"value":{"hits":2,"bytes":0},"old":{"hits":1,"bytes":0}}
{"map":"k4_a_map_with_a_long_name","change":"del","key":9,"old":{"hits":2,"bytes":0}}' "watch: what changes"
tap_done
