#!/bin/sh
# run.sh [SECONDS]: fuzzes each parser for a while, beginning with its seeds, in a build
# made with CC=clang --enable-fuzzers --enable-sanitizers (VETRINA_FUZZ names it if it is
# not this one). What it learns goes into the build's tests/fuzz/NAME.corpus; the input
# that breaks a parser is printed and kept as tests/fuzz/NAME.crash-*.
set -eu
seconds=${1:-${FUZZ_SECONDS:-60}}
build=$(cd "${VETRINA_FUZZ:-${top_builddir:-.}}" && pwd)
source=$(cd "${top_srcdir:-.}" && pwd)
failed=0 ran=0
for seeds in "$source"/tests/fuzz/*.seeds; do
	name=$(basename "$seeds" .seeds)
	fuzzer=$build/tests/fuzz/$name
	if [ ! -x "$fuzzer" ] || ! "$fuzzer" -help=1 2>&1 | grep -q max_total_time; then
		echo "$name is not built with libFuzzer (CC=clang --enable-fuzzers)"
		continue
	fi
	ran=$((ran + 1))
	corpus=$fuzzer.corpus log=$fuzzer.log
	mkdir -p "$corpus"
	status=0
	"$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$fuzzer." "$corpus" "$seeds" >"$log" 2>&1 || status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
	echo "fuzz: $name: ${runs:-?} runs in $seconds s, ${cover:-?} edges"
	if [ $status -ne 0 ]; then
		tail -60 "$log"
		echo "fuzz: $name failed"
		failed=1
	fi
done
[ $ran -gt 0 ] || exit 77
exit $failed
