#!/bin/sh
# The programs are hardened as configure promises. What does not apply to this build is
# said: none of it with --disable-hardening, FORTIFY not with sanitizers, coverage or
# without the optimizer. VETRINA_PLAIN: an ordinary build to look at instead.
set -eu
if ! command -v readelf >/dev/null; then
	echo "readelf is not installed"
	exit 77
fi
if [ -n "${VETRINA_PLAIN:-}" ]; then
	top_builddir=$VETRINA_PLAIN
elif [ "${HARDENING:-yes}" != yes ]; then
	echo "configured with --disable-hardening"
	exit 77
fi
failed=0

has() { # PROGRAM WHAT PATTERN READELF-OPTION...
	program=$1 what=$2 pattern=$3
	shift 3
	if readelf -W "$@" "$program" | grep -qE "$pattern"; then
		return 0
	fi
	echo "hardening: $program has no $what"
	failed=1
}

for program in "$top_builddir/vetrinad" "$top_builddir/vetrinactl"; do
	# A libtool wrapper or a missing program must not pass for a hardened one.
	if ! readelf -h "$program" >/dev/null 2>&1; then
		echo "hardening: $program is not a program"
		failed=1
		continue
	fi
	has "$program" "position independent code (-pie)" 'Type: +DYN' -h
	has "$program" "PIE flag" 'FLAGS_1.*\bPIE\b' -d
	has "$program" "RELRO segment" 'GNU_RELRO' -l
	has "$program" "BIND_NOW" 'BIND_NOW|Flags:.*NOW' -d
	has "$program" "stack protector" 'UND __stack_chk_fail' --dyn-syms
	if readelf -W -l "$program" | grep 'GNU_STACK' | grep -q 'RWE'; then
		echo "hardening: $program has an executable stack"
		failed=1
	fi
	if readelf -W -d "$program" | grep -E 'R(UN)?PATH'; then
		echo "hardening: $program looks for libraries in folders of its own"
		failed=1
	fi
	if readelf -W -s "$program" | grep -qE ' (__asan_init|__gcov_init|__sanitizer_cov_[a-z_]*)'; then
		echo "hardening: $program: no FORTIFY under sanitizers and coverage: not looked for"
	elif [ -z "${VETRINA_PLAIN:-}" ] && ! echo " ${CFLAGS:-} " | grep -qE ' -O([1-9sgz]|fast)? '; then
		echo "hardening: $program: no FORTIFY without the optimizer: not looked for"
	else
		has "$program" "FORTIFY" 'UND __[a-z]+_chk' --dyn-syms
	fi
done
exit $failed
