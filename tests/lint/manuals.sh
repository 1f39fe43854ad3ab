#!/bin/sh
# The manual pages are clean mdoc.
set -eu
cd "$top_srcdir"
if [ -z "${MANDOC:-}" ]; then
	echo "mandoc is not installed"
	exit 77
fi
"$MANDOC" -Tlint -Wwarning docs/*.[158]
