#!/bin/sh
# Runs a test that is a script for Node, or says that there is none.
if [ -z "${NODE:-}" ]; then
	echo "1..0 # SKIP node is not installed"
	exit 0
fi
exec "$NODE" "$@"
