#!/bin/sh
# Things that must not be in the tree: registry hosts in lock files, files nobody
# can read whole.
set -eu
cd "$top_srcdir"
failed=0
if [ -e dashboards/package-lock.json ] && grep -n '"resolved"' dashboards/package-lock.json; then
	echo "tree: dashboards/package-lock.json names a registry"
	failed=1
fi
for file in $(find daemon collectors ctl -name '*.[ch]'); do
	lines=$(wc -l <"$file")
	if [ "$lines" -gt 700 ]; then
		echo "tree: $file has $lines lines: split it"
		failed=1
	fi
	if grep -nE '.{121}' "$file"; then
		echo "tree: $file has lines over 120 bytes"
		failed=1
	fi
done
exit $failed
