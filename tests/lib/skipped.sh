#!/bin/sh
# skipped.sh [BUILD]: which tests of the last make check were skipped there, and why.
set -eu
cd "${1:-.}"
find tests -name '*.trs' | sort | while read -r result; do
	log=${result%.trs}.log
	# A script says its reason in its last line, TAP beside the result.
	sed -n 's/^:test-result: SKIP *//p' "$result" | while read -r reason; do
		[ -n "$reason" ] || reason=$(grep -v '^SKIP ' "$log" | grep . | tail -1)
		echo "skipped: ${result%.trs}: $reason" | sed 's/ SKIP: [^ ]* - / /; s/: - /: /'
	done
done
