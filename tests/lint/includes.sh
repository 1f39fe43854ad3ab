#!/bin/sh
# Includes point down, and a library's header is included by one file only.
# The floors are those of docs/design.md, section 3.
set -eu
cd "$top_srcdir"
failed=0
complain() { echo "includes: $*"; failed=1; }

# What each floor may include of ours, itself always.
allowed() {
	case $1 in
	base) echo "" ;;
	loop | conf) echo "base" ;;
	store) echo "base loop conf" ;;
	watch | civic) echo "base loop conf store" ;;
	web) echo "base loop conf store watch civic dashboards" ;;
	collectors) echo "base loop conf store watch" ;;
	ctl) echo "base" ;;
	daemon) echo "base loop conf store watch civic web collectors dashboards" ;;
	dashboards) echo "base" ;;
	esac
}

floor_of() {
	case $1 in
	daemon/*/*) echo "$1" | cut -d/ -f2 ;;
	*) echo "$1" | cut -d/ -f1 ;;
	esac
}

files=$(find daemon collectors ctl dashboards -name '*.[ch]' -not -path '*/node_modules/*' | sort)
for file in $files; do
	floor=$(floor_of "$file")
	may=" $(allowed "$floor") $floor "
	for include in $(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file"); do
		case $include in
		*/*) target=${include%%/*} ;;
		daemon.h) target=daemon ;;
		*) target=$floor ;;
		esac
		case $may in
		*" $target "*) ;;
		*) complain "$file ($floor) includes $include: not a floor below" ;;
		esac
	done
done

# Library headers: one file each.
for header in event2/event.h event2/bufferevent.h rrd.h curl/curl.h microhttpd.h yaml.h \
    ares.h sqlite3.h pcre2.h zlib.h brotli/encode.h glib.h openssl/ssl.h libxml/; do
	users=$(grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<$header" $files || true)
	n=$(printf '%s' "$users" | grep -c . || true)
	[ "$n" -le 1 ] || complain "<$header> is included by $n files:" $users
done

# A magic number stands for one struct.
for magic in $(grep -hoE '#define [A-Z_]+_MAGIC 0x[0-9a-f]+' $files | awk '{ print $3 }' | sort | uniq -d); do
	complain "magic $magic is used twice:" $(grep -l "$magic" $files)
done

# Only base/clock.c reads the system's clocks.
if grep -nE '\b(clock_gettime|gettimeofday|time) ?\((CLOCK|NULL|&)' $files | grep -v '^daemon/base/clock.c'; then
	complain "time is read elsewhere than in base/clock.c"
fi
exit $failed
