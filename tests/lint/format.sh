#!/bin/sh
# Every .c file is as .clang-format says. Headers align their comments by hand. Two
# versions of clang-format disagree: only that of Debian 12 is asked.
set -eu
cd "$top_srcdir"
if [ -z "${CLANG_FORMAT:-}" ]; then
	echo "clang-format is not installed"
	exit 77
fi
case $("$CLANG_FORMAT" --version) in
*" version 14."*) ;;
*)
	echo "clang-format is not version 14"
	exit 77
	;;
esac
if [ ! -e .clang-format ]; then
	echo "format: .clang-format is missing"
	exit 1
fi
find daemon collectors ctl dashboards tests -name '*.c' -not -path '*/node_modules/*' \
	-not -path '*/dist/*' -print0 | xargs -0 "$CLANG_FORMAT" --dry-run -Werror
