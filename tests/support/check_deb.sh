#!/bin/sh
# SPDX-License-Identifier: MIT
# Tries the Debian package in a root of the suite that it was built on: installs it there, asks the program, gdb (which
# loads the commands by itself), Python, the manual and bash's completion, removes it again.
#
#   (cd build && cpack -G DEB) && tests/support/check_deb.sh ROOT build/pydeepsize_*.deb CORE
#
# ROOT: mmdebstrap --variant=apt bookworm ROOT. CORE: of a Python with a global SESSIONS in __main__, which
# tests/export/shop_program.py has. As root; apt needs the network.
set -eu
root=$1
cp "$2" "$root/tmp/pydeepsize.deb"
cp "$3" "$root/tmp/core"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cat >"$root/tmp/inside.sh" <<'END'
set -u
cd /tmp
export DEBIAN_FRONTEND=noninteractive
failed=0
says() { # NAME WORD COMMAND...
	name=$1 word=$2
	shift 2
	"$@" >said 2>&1
	if grep -q -e "$word" said; then echo "ok      $name"; else echo "FAILED  $name"; tail -20 said; failed=1; fi
}
apt-get -qq update
apt-get -qq install -y --no-install-recommends ./pydeepsize.deb python3 gdb man-db bash-completion >said 2>&1 || tail said
says program SESSIONS pydeepsize --core core top
says "gdb, by itself" SESSIONS gdb -q -batch -ex py-top -c core
says "pydeepsize gdb" SESSIONS pydeepsize gdb core -batch -ex py-top
says "import pydeepsize" dict python3 -c "import pydeepsize; print(pydeepsize.open('core')['__main__.SESSIONS'].type)"
says manual "stopped or dead" man -P cat pydeepsize
says "completion in bash" __main__.SESSIONS bash -c 'source /usr/share/bash-completion/bash_completion
	_completion_loader pydeepsize
	COMP_WORDS=(pydeepsize --core core sizeof __main__.SE) COMP_CWORD=4
	_pydeepsize
	echo "${COMPREPLY[@]}"'
apt-get -qq purge -y pydeepsize >said 2>&1 || failed=1
says "nothing is left" '^$' sh -c 'ls -d /usr/share/pydeepsize /etc/gdb/gdbinit.d/pydeepsize.py 2>/dev/null; echo'
exit $failed
END
exec unshare --mount --pid --fork sh -c 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
	exec chroot "$0" sh /tmp/inside.sh' "$root"
