#!/bin/bash
# loop.sh [CHECKS SECONDS]: how long callbacks hold the loop under so many checks at 1 s
# while pages are asked for; the issue's bound is 5 ms at the 99.9th percentile.
. "$(dirname "$0")/lib.sh"
need nginx node openssl curl
checks=${1:-1000} seconds=${2:-30}
start_nginx
{
	echo "listen: {public: [\"127.0.0.1:0\"], admin: [\"127.0.0.1:0\"], control: $work/control.sock}"
	echo "store: {path: $work/store, retention: [1m:1h]}"
	echo "sites:"
	echo "  bench:"
	echo "    {name: Bench, url: http://localhost, languages: [it], timezone: Europe/Rome, services: {"
	for i in $(seq "$checks"); do
		[ "$i" -le 20 ] && public=", title: S$i, description: S$i" || public=
		echo "      s$i: {public: $([ "$i" -le 20 ] && echo true || echo false)$public, checks: {c: {every: 1s, timeout: 1s, http: {url: \"http://127.0.0.1:$http_port/1k.html?t=$i\", match: needle}}}},"
	done
	echo "    }}"
} >"$work/vetrina.yaml"
start_vetrinad "$work/vetrina.yaml"
address() {
	"$build/vetrinactl" -s "$work/control.sock" --json status |
		node -e "console.log(JSON.parse(require('fs').readFileSync(0)).$1)"
}
metrics() { curl -s "http://$(address admin)/metrics" >"$work/$1"; }
sleep 10
metrics before
# Ten pages a second: a flood would hide the long callbacks among many short ones.
public=http://$(address public)
for i in $(seq $((seconds * 10))); do
	curl -s -o "$work/page" "$public/" &
	sleep 0.1
done
metrics after
node -e '
	const fs = require("fs");
	const read = (name) => new Map([...fs.readFileSync(name, "utf8").matchAll(
		/^vetrina_loop_callback_seconds_bucket\{.*le="([^"]+)"\} (\d+)/gm)]
		.map(([, le, n]) => [le, Number(n)]));
	const before = read(process.argv[1]), after = read(process.argv[2]);
	const total = after.get("+Inf") - before.get("+Inf");
	const at = [...after].find(([le, n]) => n - before.get(le) >= total * 0.999)[0];
	const over = total - (after.get("0.005") - before.get("0.005"));
	console.log(`loop: ${total} callbacks, 99.9 % within ${at} s, ${over} over 5 ms` +
		` (${(100 * over / total).toFixed(3)} %): ${over <= total / 1000 ? "within" : "OVER"} the bound`);
' "$work/before" "$work/after"
"$build/vetrinactl" -s "$work/control.sock" --json checks | node -e '
	const c = JSON.parse(require("fs").readFileSync(0)).checks;
	console.log(`loop: ${c.filter((x) => x.verdict !== "up").length} of ${c.length} checks are not up, ` +
		`${c.reduce((sum, x) => sum + x.missed, 0)} slots missed`);'
