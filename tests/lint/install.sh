#!/bin/sh
# make install puts everything under DESTDIR and nowhere else; the unit is one that systemd
# takes and starts what was installed; make uninstall leaves nothing but what an
# administrator changed.
set -eu
build=$top_builddir
unset MAKEFLAGS MFLAGS MAKELEVEL || :
root=$(mktemp -d)
trap 'rm -rf "$root" "$root.log"' EXIT
failed=0
complain() { echo "install: $*"; failed=1; }
make_target() {
	make -s -C "$build" "$1" DESTDIR="$root" >"$root.log" 2>&1 || {
		cat "$root.log"
		complain "make $1 failed"
	}
}
files() { (cd "$root" && find . ! -type d | sed 's/^[.]//' | sort); }
where() { files | grep "$1\$" | head -1; } # whatever the prefix

make_target install
for end in /sbin/vetrinad /bin/vetrinactl /vetrina/vetrina.yaml /vetrina/vetrina.schema.json \
	/systemd/system/vetrinad.service /sysusers.d/vetrina.conf /tmpfiles.d/vetrina.conf \
	/man8/vetrinad.8 /man1/vetrinactl.1 /man5/vetrina.yaml.5 /licenses/MIT-uplot.txt \
	/bash-completion/completions/vetrinactl /bash-completion/completions/vetrinad; do
	[ -n "$(where "$end")" ] || complain "$end is missing"
done
for file in $(files); do
	! grep -qF "$root" "$root$file" || complain "$file names DESTDIR"
done
daemon=$(where /sbin/vetrinad) configuration=$(where /vetrina/vetrina.yaml)
unit=$root$(where /vetrinad.service)
! grep -n '@[a-z]*@' "$unit" || complain "the unit has something left to fill in"
grep -q "^ExecStart=$daemon .*$configuration\$" "$unit" ||
	complain "the unit starts something else than $daemon on $configuration"
if command -v systemd-analyze >/dev/null; then
	# Where the unit says, there is no program on this machine.
	sed "s|$daemon|/bin/true|" "$unit" >"$root/vetrinad.service"
	said=$(systemd-analyze verify --man=no --generators=no --recursive-errors=no \
		"$root/vetrinad.service" 2>&1) || complain "systemd-analyze verify failed"
	[ -z "$said" ] || complain "systemd-analyze verify: $said"
	rm -f "$root/vetrinad.service"
else
	echo "install: systemd-analyze is not there: the unit is not verified"
fi
"$root$daemon" -V >/dev/null || complain "what is installed does not run"

make_target uninstall
[ -z "$(files)" ] || complain "uninstall left $(files)"
make_target install
echo "# mine" >>"$root$configuration"
make_target install
grep -q '^# mine' "$root$configuration" || complain "install overwrote a configuration"
make_target uninstall
[ "$(files)" = "$configuration" ] || complain "uninstall left $(files)"
exit $failed
