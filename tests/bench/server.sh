#!/bin/bash
# server.sh [BUILD]: pages from the cache against nginx serving the same bytes from a
# file, in the same run, by turns; medians. BUILD is a folder configured with -O2 and
# without sanitizers, where `make tests/bench/bench_server` has run. Needs nginx, wrk.
# nginx as tuned as it goes: sendfile, open_file_cache, no log. On two cores wrk is as
# busy as the server, and who waits for whom changes from run to run: what binds is
# requests a second of CPU. Exit 1 below 1.2 times nginx at the first size: a page as
# a browser gets it; the last is one without compression.
set -eu
build=${1:-.}
rounds=${ROUNDS:-7} seconds=${SECONDS_EACH:-2}
dir=$(mktemp -d)
trap 'exec 3>&-; [ -z "${nginx:-}" ] || kill "$nginx"; wait; rm -rf "$dir"' EXIT

port=$((20000 + $$ % 20000))
bound= # by the first size
cat >"$dir/nginx.conf" <<END
worker_processes 1; daemon off; error_log $dir/error.log; pid $dir/pid;
events { worker_connections 2048; }
http {
	access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000000;
	open_file_cache max=100; default_type text/html;
	client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f;
	uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
	server { listen 127.0.0.1:$port; root $dir/www; }
}
END
mkdir "$dir/www"
chmod 755 "$dir" "$dir/www"
nginx -c "$dir/nginx.conf" -p "$dir" 2>/dev/null &
nginx=$!

cpu_ms() { # of a process and its children, milliseconds
	cat /proc/"$1"/stat $(sed 's/ /\n/g' /proc/"$1"/task/*/children 2>/dev/null |
		sed -n 's|^\([0-9]\+\)$|/proc/\1/stat|p') | awk '{ t += $14 + $15 } END { print t * 10 }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# one NAME PID URL: requests a second, CPU microseconds a request
one() {
	local before after
	before=$(cpu_ms "$2")
	wrk -t1 -c${CONNECTIONS:-16} -d"${seconds}s" "$3" >"$dir/wrk"
	after=$(cpu_ms "$2")
	! grep -q 'Non-2xx\|Socket errors' "$dir/wrk" || cat "$dir/wrk"
	awk '/Requests\/sec/ { print $2 }' "$dir/wrk" >>"$dir/$1.rate"
	awk -v ms=$((after - before)) '/requests in/ { print ms * 1000 / $1 }' "$dir/wrk" >>"$dir/$1.cpu"
}

for size in ${SIZES:-3072 10240 36864}; do
	head -c "$((size * 3 / 4))" /dev/urandom | base64 -w 76 | head -c "$size" >"$dir/www/$size"
	mkfifo "$dir/input"
	"$build/tests/bench/bench_server" "$dir/www/$size" <"$dir/input" >"$dir/address" &
	ours=$!
	exec 3>"$dir/input"
	until [ -s "$dir/address" ]; do sleep 0.1; done
	address=$(cat "$dir/address")
	cmp -s <(wget -qO- "http://$address/$size") <(wget -qO- "http://127.0.0.1:$port/$size") || {
		echo "server.sh: the two do not serve the same bytes"
		exit 1
	}
	rm -f "$dir"/*.rate "$dir"/*.cpu
	for ((i = 0; i < rounds; i++)); do
		one ours $ours "http://$address/$size"
		one nginx $nginx "http://127.0.0.1:$port/$size"
	done
	a=$(median <"$dir/ours.rate") b=$(median <"$dir/nginx.rate")
	ca=$(median <"$dir/ours.cpu") cb=$(median <"$dir/nginx.cpu")
	rss=$(awk '/VmRSS/ { print $2 }' /proc/$ours/status)
	exec 3>&-
	wait $ours || true
	rm -f "$dir/input" "$dir/address"
	ratio=$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", a / b }')
	cpu_ratio=$(awk -v a="$ca" -v b="$cb" 'BEGIN { printf "%.2f", b / a }')
	echo "$size bytes: ours $a requests/s, $ca us CPU each; nginx $b, $cb us; ratio $ratio (by CPU $cpu_ratio); RSS $rss KB"
	[ -n "$bound" ] || bound=$cpu_ratio
done
awk -v w="$bound" 'BEGIN { exit !(w >= 1.2) }'
