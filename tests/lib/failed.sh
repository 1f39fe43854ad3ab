#!/bin/sh
# failed.sh [BUILD]: what the failed tests of the last make check said there.
set -eu
cd "${1:-.}"
find tests -name '*.trs' | sort | while read -r result; do
	grep -qE '^:global-test-result: (FAIL|XPASS|ERROR)' "$result" || continue
	echo "failed: ${result%.trs}:"
	tail -80 "${result%.trs}.log" | sed 's/^/| /'
done
