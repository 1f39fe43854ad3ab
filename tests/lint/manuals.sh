#!/bin/sh
# The manual pages are clean mdoc, in what mandoc calls style too. Whether a page that
# they refer to is installed on this machine is not theirs to answer for.
set -eu
cd "$top_srcdir"
if [ -z "${MANDOC:-}" ]; then
	echo "mandoc is not installed"
	exit 77
fi
said=$("$MANDOC" -Tlint docs/*.[158] 2>&1 |
	grep -vE 'referenced manual not found|mandoc[.]db' || true)
[ -z "$said" ] || { echo "$said"; exit 1; }
