#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# A few of the faults of tests/vm/plants; .ci/run plants them all.
B=${B:-build}
if [ -n "${SAN:-}" ]; then
	echo "1..0 # SKIP the planted files are built without sanitizers"
	exit 0
fi
exec scripts/plant-faults "$B" 'heap\.c|flags & flags|flags != env'
