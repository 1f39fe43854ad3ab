#!/bin/sh
# coverage.sh SOURCE: lines and branches that the tests have run, per folder, of a build
# with --enable-coverage in this folder. Needs gcov.
set -eu
source=$1
for folder in daemon/base daemon/loop daemon/conf daemon/store daemon/watch daemon/web \
	daemon collectors ctl dashboards; do
	find "$folder" -maxdepth 1 -name '*.gcda' | while read -r data; do
		gcov -n -b -o "$(dirname "$data")" "$data" 2>/dev/null |
			awk -v folder="$folder" '
			/^File / { ours = index($0, "/" folder "/") > 0 && /[.]c.$/ }
			/^(Calls executed|No calls)/ { ours = 0 }
			/^Lines executed:/ && ours { split($2, p, ":"); print folder, "lines", p[2] * $4 / 100, $4 }
			/^Taken at least once:/ && ours { split($4, p, ":"); print folder, "branches", p[2] * $6 / 100, $6 }'
	done
done | awk '
	{ done[$1, $2] += $3; all[$1, $2] += $4; if (!($1 in seen)) { seen[$1] = 1; order[++n] = $1 }
	  done["all", $2] += $3; all["all", $2] += $4 }
	function share(f, what) { return all[f, what] ? 100 * done[f, what] / all[f, what] : 0 }
	END {
		if (n == 0) { print "coverage: nothing was counted: configure --enable-coverage"; exit 1 }
		order[++n] = "all"
		printf "%-16s %8s %8s %9s\n", "folder", "lines", "covered", "branches"
		for (i = 1; i <= n; i++)
			printf "%-16s %8d %7.1f%% %8.1f%%\n", order[i], all[order[i], "lines"],
			    share(order[i], "lines"), share(order[i], "branches")
	}'
