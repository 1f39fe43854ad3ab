#!/bin/sh
# Things that must not be in the tree: where a package came from in lock files, the name
# of anybody's package mirror or workplace, files nobody can read whole.
set -eu
cd "$top_srcdir"
failed=0
complain() { echo "tree: $*"; failed=1; }

# What is committed; in a release, all that nobody's tool has made.
files() {
	if [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ]; then
		git ls-files
	else
		find . -type f -not -path './.git/*' -not -path '*/node_modules/*' -not -path './dashboards/dist/*' \
			-not -path './_*' -not -path './build*' -not -path './autom4te.cache/*' \
			-not -name Makefile.in -not -name configure -not -name aclocal.m4
	fi
}

# A bracket in each pattern, so that this file is none of them.
foreign='(^|[^[:alnum:]_.])/[w]ork/|(^|[^[:alnum:]_/.-])([.][.]/)*[s]hared/'
foreign="$foreign|[n]pmjs[.](org|com)|[y]arnpkg[.]|[p]ypi[.]|[c]rates[.]io|[p]roxy[.]golang"
foreign="$foreign|[d]eb[.]debian[.]|[r]egistry[.][a-z0-9-]+[.](org|com|io|net|internal)"
found=$(files | tr '\n' '\0' | xargs -0 grep -nIE "$foreign" || true)
[ -z "$found" ] || complain "a workplace or a package mirror is named: $found"
for lock in $(files | grep 'package-lock[.]json$'); do
	! grep -n '"resolved"' "$lock" || complain "$lock names a registry"
done

for file in $(find daemon collectors ctl -name '*.[ch]'); do
	lines=$(wc -l <"$file")
	[ "$lines" -le 700 ] || complain "$file has $lines lines: split it"
	! grep -nE '.{121}' "$file" || complain "$file has lines over 120 bytes"
done
version=$(sed -n 's/^AC_INIT(\[Vetrina\], \[\([0-9.]*\)\].*/\1/p' configure.ac)
grep -qx "softwareVersion: $version" publiccode.yml ||
	complain "publiccode.yml tells another version than configure.ac, $version"
exit $failed
