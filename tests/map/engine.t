#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# Maps as the engine makes and fills them from objects.
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
B=${B:-build}

out=$("$B/skep" run -e user "$B/tests/bpf/maps_of_maps.bpf.o" \
	--packet hex:0000000000000000000000000800 2>&1)
has "$out" '^n1 = 1$' "an inner map of an array"
has "$out" '^n3 = 2$' "one map in an array and in a hash table of maps"
has "$out" '^miss = 1$' "an empty slot"

out=$("$B/skep" run -e user -o json "$B/tests/bpf/task_storage.bpf.o" -- true 2>&1)
has "$out" '^events: [1-9][0-9]* produced = [1-9][0-9]* delivered \+ 0 lost' \
	"a storage and a perf array whose sizes the loader settles"
has "$out" '[^0-9]2}' "a value stays with its task"
tap_done
