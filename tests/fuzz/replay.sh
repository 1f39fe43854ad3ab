#!/bin/sh
# Replays the seeds of every fuzzer. To fuzz: ./configure CC=clang --enable-fuzzers,
# make check TESTS=, then tests/fuzz/NAME CORPUS tests/fuzz/NAME.seeds.
set -eu
failed=0
for seeds in "$top_srcdir"/tests/fuzz/*.seeds; do
	name=$(basename "$seeds" .seeds)
	"$top_builddir/tests/fuzz/$name" -runs=0 "$seeds" >"$name.$$.log" 2>&1 || {
		cat "$name.$$.log"
		echo "replay: $name failed"
		failed=1
	}
	rm -f "$name.$$.log"
done
exit $failed
