# What the benchmarks share; sourced. Everything lives in $work and ends with the shell.
set -eu
bench_dir=$(cd "$(dirname "$0")" && pwd)
build=${top_builddir:-$(cd "$bench_dir/../.." && pwd)/build}
work=$(mktemp -d)
chmod 755 "$work" # nginx drops to another user
pids=
finish() {
	for pid in $pids; do kill "$pid" 2>/dev/null || true; done
	for pid in $pids; do wait "$pid" 2>/dev/null || true; done
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

need() {
	for program in "$@"; do
		command -v "$program" >/dev/null || { echo "bench: needs $program" >&2; exit 1; }
	done
}

# A port that is free now.
free_port() {
	node -e 'const s=require("net").createServer();s.listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'
}

wait_port() {
	tries=0
	until node -e "require('net').connect($1,'127.0.0.1').on('connect',()=>process.exit(0)).on('error',()=>process.exit(1))"; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || { echo "bench: nothing listens on port $1" >&2; exit 1; }
		sleep 0.1
	done
}

# CPU seconds (user and system) that a process and its threads have used.
cpu() {
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.2f\n", ($12 + $13) / hz }' "/proc/$1/stat"
}

rss_mb() {
	awk '/^VmRSS/ { printf "%.1f\n", $2 / 1024 }' "/proc/$1/status"
}

# nginx with TLS on $http_port and $https_port, serving $work/www; its CA is $work/ca.pem.
start_nginx() {
	mkdir -p "$work/www" "$work/nginx"
	http_port=$(free_port) https_port=$(free_port)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-keyout "$work/key.pem" -out "$work/ca.pem" -subj /CN=127.0.0.1 \
		-addext subjectAltName=IP:127.0.0.1 2>/dev/null
	{ head -c 1000 /dev/zero | tr '\0' x; echo " needle"; } >"$work/www/1k.html"
	cat >"$work/nginx/nginx.conf" <<NGINX
worker_processes 1; daemon off; pid nginx.pid; error_log error.log error;
events { worker_connections 8000; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  open_file_cache max=100; types { text/html html; application/json json; text/css css; }
  sendfile on; gzip_static ${gzip_static:-off};
  server { listen 127.0.0.1:$http_port backlog=4096; root $work/www; }
  server { listen 127.0.0.1:$https_port ssl backlog=4096; root $work/www;
           ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off;
           ssl_certificate $work/ca.pem; ssl_certificate_key $work/key.pem; }
}
NGINX
	nginx -p "$work/nginx/" -c "$work/nginx/nginx.conf" 2>"$work/nginx.log" &
	nginx_pid=$!
	pids="$pids $nginx_pid"
	wait_port "$http_port"
	nginx_worker=$(pgrep -P $nginx_pid | head -1)
}

# start_vetrinad CONFIG: in the foreground of this shell's job; sets vetrinad_pid.
start_vetrinad() {
	"$build/vetrinad" -f -c "$1" 2>"$work/vetrinad.log" &
	vetrinad_pid=$!
	pids="$pids $vetrinad_pid"
	tries=0
	until "$build/vetrinactl" -s "$work/control.sock" status >/dev/null 2>&1; do
		tries=$((tries + 1))
		if [ $tries -gt 300 ] || ! kill -0 $vetrinad_pid 2>/dev/null; then
			cat "$work/vetrinad.log" >&2
			exit 1
		fi
		sleep 0.1
	done
}

stop() {
	kill "$1"
	wait "$1" 2>/dev/null || true
}
