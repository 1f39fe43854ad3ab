#!/bin/bash
# footprint.sh [SECONDS]: the demo town at rest (memory, CPU), and the time from the start
# to the first page with 100 checks. Bounds: 20 MB, 0.5 % of a core, 1 s.
. "$(dirname "$0")/lib.sh"
need node openssl curl nginx
seconds=${1:-30}
source=$(cd "$bench_dir/../.." && pwd)
port=$(free_port) admin=$(free_port)
mkdir -p "$work/town"
mkfifo "$work/input"
"$build/tests/lib/town" 0 0 "$work/town" <"$work/input" >"$work/town.log" &
town_pid=$!
pids="$pids $town_pid"
exec 3>"$work/input"
until grep -q '^town: http' "$work/town.log"; do
	kill -0 $town_pid || exit 1
	sleep 0.1
done
read -r _ _ town_http _ town_https _ <"$work/town.log"
sed -e "s/:8080/:$port/; s/:8081/:$admin/; s/:18401/:$town_http/; s/:18402/:$town_https/" \
	-e "s|run/control.sock|$work/control.sock|" "$source/etc/demo.yaml" >"$work/vetrina.yaml"
"$build/tests/lib/town_seed" "$work/vetrina.yaml" >/dev/null
start_vetrinad "$work/vetrina.yaml"
sleep 15
curl -s -o "$work/page" "http://127.0.0.1:$port/"
before=$(cpu "$vetrinad_pid")
sleep "$seconds"
after=$(cpu "$vetrinad_pid")
awk -v a="$after" -v b="$before" -v s="$seconds" -v rss="$(rss_mb "$vetrinad_pid")" \
	-v own="$(awk '/^RssAnon/ { printf "%.1f", $2 / 1024 }' "/proc/$vetrinad_pid/status")" \
	'BEGIN { printf "demo at rest: %s MB resident (%s MB of its own; bound 20), %.2f %% of a core (bound 0.5)\n", rss, own, 100 * (a - b) / s; exit rss > 20 || 100 * (a - b) / s > 0.5 }' || missed=yes
stop "$vetrinad_pid"
exec 3>&-

start_nginx
{
	echo "listen: {public: [\"127.0.0.1:$port\"], admin: [], control: $work/control.sock}"
	echo "store: {path: $work/hundred}"
	echo "sites: {bench: {name: Bench, url: \"http://127.0.0.1:$port\", languages: [it], timezone: Europe/Rome, services: {"
	for i in $(seq 100); do
		echo "s$i: {public: true, title: S$i, description: S$i, checks: {c: {http: \"http://127.0.0.1:$http_port/1k.html?$i\"}}},"
	done
	echo "}}}"
} >"$work/vetrina.yaml"
for round in first second; do
	began=$(date +%s%N)
	"$build/vetrinad" -f -c "$work/vetrina.yaml" 2>"$work/vetrinad.log" &
	vetrinad_pid=$!
	pids="$pids $vetrinad_pid"
	until curl -sf -o "$work/page" "http://127.0.0.1:$port/"; do
		kill -0 $vetrinad_pid || { cat "$work/vetrinad.log" >&2; exit 1; }
		sleep 0.01
	done
	ms=$((($(date +%s%N) - began) / 1000000))
	echo "$round start to first page with 100 checks: $ms ms (bound 1000)"
	[ $ms -le 1000 ] || missed=yes
	sleep 8
	stop "$vetrinad_pid"
done
[ -z "${missed:-}" ]
