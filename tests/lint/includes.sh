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

users_of() {
	grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<$1" $files || true
}

# Library headers: one file each, but for those of a library that is two things to us.
for header in rrd.h curl/curl.h microhttpd.h yaml.h \
    ares.h sqlite3.h pcre2.h zlib.h brotli/encode.h glib.h libxml/; do
	users=$(users_of "$header")
	n=$(printf '%s' "$users" | grep -c . || true)
	[ "$n" -le 1 ] || complain "<$header> is included by $n files:" $users
done

only() { # HEADER FILE...
	header=$1
	shift
	for user in $(users_of "$header"); do
		case " $* " in
		*" $user "*) ;;
		*) complain "<$header...> is included by $user, and is for $*" ;;
		esac
	done
}
only event2/ daemon/loop/loop.c daemon/loop/stream.c
only openssl/ daemon/loop/certificate.c daemon/loop/tls.c

# A magic number stands for one struct.
for magic in $(grep -hoE '#define [A-Z_]+_MAGIC 0x[0-9a-f]+' $files | awk '{ print $3 }' | sort | uniq -d); do
	complain "magic $magic is used twice:" $(grep -l "$magic" $files)
done

# Only base/clock.c reads the system's clocks.
if grep -nE '\b(clock_gettime|gettimeofday|time) ?\((CLOCK|NULL|&)' $files | grep -v '^daemon/base/clock.c'; then
	complain "time is read elsewhere than in base/clock.c"
fi
exit $failed
