#!/bin/sh
# Every .c file is as .clang-format says. Headers align their comments by hand.
set -eu
cd "$top_srcdir"
if [ -z "${CLANG_FORMAT:-}" ]; then
	echo "format: clang-format is not installed"
	exit 1
fi
find daemon collectors ctl dashboards tests -name '*.c' -not -path '*/node_modules/*' \
	-not -path '*/dist/*' -print0 | xargs -0 "$CLANG_FORMAT" --dry-run -Werror
