#!/bin/sh
# options.sh CONFDOC SOURCE TARGET: writes the documents that are made from the option
# tables, reading the page's frame from the tree SOURCE, into the tree TARGET (which may
# be the same).
set -eu
confdoc=$1 source=$2 target=$3
mkdir -p "$target/docs" "$target/etc"
make_one() {
	file=$1
	shift
	"$confdoc" "$@" >"$target/$file.new"
	mv "$target/$file.new" "$target/$file"
}
make_one docs/vetrina.yaml.5 manual "$source/docs/vetrina.yaml.5"
make_one etc/vetrina.yaml example
make_one etc/vetrina.schema.json schema
