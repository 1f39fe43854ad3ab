#!/bin/sh
# The option tables, vetrina.yaml(5), etc/vetrina.yaml and the JSON Schema agree.
set -eu
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$top_srcdir/tests/lib/options.sh" "$top_builddir/tests/lib/confdoc" "$top_srcdir" "$made"
failed=0
for file in docs/vetrina.yaml.5 etc/vetrina.yaml etc/vetrina.schema.json; do
	diff -u "$top_srcdir/$file" "$made/$file" || failed=1
done
[ $failed -eq 0 ] || echo "options: the tables changed: run make documents, and commit"
exit $failed
