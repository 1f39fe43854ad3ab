#!/bin/sh
# A release holds every file that is committed, but for those of continuous integration.
set -eu
if [ "$(cd "$top_srcdir" && git rev-parse --show-toplevel 2>/dev/null)" != \
	"$(cd "$top_srcdir" && pwd -P)" ]; then
	echo "not in a git checkout"
	exit 77
fi
unset MAKEFLAGS MFLAGS MAKELEVEL || :
list=$(mktemp)
trap 'rm -f "$list"' EXIT
make -s -C "$top_builddir" distfiles | sed 's|^[.]/||' | sort -u >"$list"
failed=0
for file in $(cd "$top_srcdir" && git ls-files); do
	case $file in
	.ci/* | .gitignore) continue ;;
	*.seeds/*) file=$(dirname "$file") ;; # shipped as a folder
	esac
	grep -qxF "$file" "$list" || { echo "dist: $file is not shipped"; failed=1; }
done
exit $failed
