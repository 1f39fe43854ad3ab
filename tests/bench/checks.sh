#!/bin/bash
# checks.sh [TARGETS INTERVAL_S SECONDS]: the CPU of a check, the whole way (schedule,
# request on a new connection, body match, verdict, archive), beside Prometheus and
# blackbox_exporter on the same targets in the same run; plain and with verified TLS.
. "$(dirname "$0")/lib.sh"
need nginx node openssl prometheus prometheus-blackbox-exporter
targets=${1:-1000} interval=${2:-15} seconds=${3:-60}
start_nginx

# ours SCHEME PORT -> CPU us a check
ours() {
	rm -rf "$work/store"
	{
		echo "listen: {public: [\"127.0.0.1:0\"], admin: [\"127.0.0.1:0\"], control: $work/control.sock}"
		echo "store: {path: $work/store, retention: [1m:1d]}"
		echo "sites:"
		echo "  bench:"
		echo "    {name: Bench, url: http://bench.example, languages: [it], timezone: Europe/Rome, services: {"
		for i in $(seq "$targets"); do
			echo "      s$i: {checks: {c: {every: ${interval}s, timeout: 5s, http: {url: \"$1://127.0.0.1:$2/1k.html?t=$i\", match: needle, ca_file: $work/ca.pem}}}},"
		done
		echo "    }}"
	} >"$work/vetrina.yaml"
	start_vetrinad "$work/vetrina.yaml"
	sleep $((interval + 8))
	measure "$vetrinad_pid"
	"$build/vetrinactl" -s "$work/control.sock" --json checks | node -e '
		const c = JSON.parse(require("fs").readFileSync(0)).checks;
		const bad = c.filter(x => x.verdict != "up");
		if (bad.length) { console.error("bench:", bad.length, "checks are not up:", bad[0].message); process.exit(1); }'
	ours_rss=$(rss_mb "$vetrinad_pid")
	stop "$vetrinad_pid"
}

# theirs SCHEME PORT
theirs() {
	bb=$(free_port) prom=$(free_port)
	cat >"$work/blackbox.yml" <<YAML
modules:
  m: {prober: http, timeout: 5s, http: {fail_if_body_not_matches_regexp: [needle], tls_config: {ca_file: $work/ca.pem}}}
YAML
	node -e "console.log(JSON.stringify([{targets: Array.from({length: $targets}, (_, i) => '$1://127.0.0.1:$2/1k.html?t=' + i)}]))" >"$work/targets.json"
	cat >"$work/prometheus.yml" <<YAML
global: {scrape_interval: ${interval}s, scrape_timeout: 5s}
scrape_configs:
- job_name: bb
  metrics_path: /probe
  params: {module: [m]}
  file_sd_configs: [{files: [$work/targets.json]}]
  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__param_target], target_label: instance}
  - {target_label: __address__, replacement: "127.0.0.1:$bb"}
YAML
	prometheus-blackbox-exporter --config.file="$work/blackbox.yml" \
		--web.listen-address=127.0.0.1:$bb >"$work/blackbox.log" 2>&1 &
	bb_pid=$!
	prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
		--web.listen-address=127.0.0.1:$prom >"$work/prometheus.log" 2>&1 &
	prom_pid=$!
	pids="$pids $bb_pid $prom_pid"
	wait_port "$prom"
	sleep $((interval + 8))
	measure "$bb_pid" "$prom_pid"
	theirs_rss=$(rss_mb "$prom_pid")
	up=$(curl -s "http://127.0.0.1:$prom/api/v1/query?query=sum(probe_success)" | sed 's/.*,"//; s/".*//')
	[ "$up" = "$targets" ] || { echo "bench: blackbox sees $up of $targets up" >&2; exit 1; }
	stop "$bb_pid"
	stop "$prom_pid"
	rm -rf "$work/tsdb"
}

# CPU us a check of the processes, over the time given; in $us.
measure() {
	before=0 after=0
	for pid in "$@"; do before=$(echo "$before $(cpu "$pid")" | awk '{ print $1 + $2 }'); done
	sleep "$seconds"
	for pid in "$@"; do after=$(echo "$after $(cpu "$pid")" | awk '{ print $1 + $2 }'); done
	us=$(awk -v a="$after" -v b="$before" -v n="$targets" -v i="$interval" -v s="$seconds" \
		'BEGIN { printf "%.0f", (a - b) * 1e6 / (n * s / i) }')
}

for scheme in http https; do
	[ $scheme = http ] && port=$http_port || port=$https_port
	ours $scheme "$port"
	ours_us=$us
	theirs $scheme "$port"
	ratio=$(awk -v a="$us" -v b="$ours_us" 'BEGIN { printf "%.1f", a / b }')
	[ $scheme = http ] && bound=15 || bound=2
	echo "$scheme: vetrinad $ours_us us a check ($ours_rss MB)," \
		"Prometheus + blackbox $us us ($theirs_rss MB)," \
		"ratio $ratio (bound $bound)"
	awk -v r="$ratio" -v b="$bound" 'BEGIN { exit r < b }' || missed=yes
done
[ -z "${missed:-}" ]
