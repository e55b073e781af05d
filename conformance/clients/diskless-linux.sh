#!/bin/bash
# diskless-linux.sh --root PATH | --kernel FILE --boot 'WORDS' [--netns NAME] [--host IP] [--timeout S]
#
# Boots a Linux machine without a disk whose root directory is PATH of an NFSv2 server, and waits until it turns itself off. The server
# runs in the network namespace NAME (ip netns; else in the caller's, which is to be one of its own), on 0.0.0.0, with a portmapper on 111; the machine sees it at IP, 10.77.0.1, and is
# 2 in its network of 24 bits, 10.77.0.2.
#
# Debian's user-mode-linux has no root=/dev/nfs (CONFIG_ROOT_NFS, CONFIG_IP_PNP), and no NFS over UDP: as with Debian's other kernels it is an initramfs (busybox, the kernel's NFS
# modules) that mounts the root directory and gives way to its /sbin/init. FILE is a kernel that has them (nfsroot-kernel.sh builds one), and WORDS say where its root directory is (root=/dev/nfs ...): nothing but it is
# this machine's, and a DHCP server of the site, busybox's udhcpd, is in the namespace of the server.
#
# What the machine writes to its console goes to standard output. Exit status: 0 it turned itself off, 96 set-up, 98 it did not in time.
set -uo pipefail
NSNAME='' ROOT='' HOST=10.77.0.1 OWN='' BOOT='' TMO=60
die() { echo "diskless-linux: $*" >&2; exit 96; }
while [ $# -gt 0 ]; do case $1 in
  --netns) NSNAME=$2; shift 2;; --root) ROOT=$2; shift 2;; --host) HOST=$2; shift 2;; --kernel) OWN=$2; shift 2;; --boot) BOOT=$2; shift 2;;
  --timeout) TMO=$2; shift 2;; *) die "unknown option $1";; esac; done
[ -n "$ROOT$OWN" ] || die "--root or --kernel is needed"
[ "$(id -u)" = 0 ] || die "needs root"
BUSYBOX=$(command -v busybox) || die "needs busybox-static"
MACHINE=${HOST%.*}.2

WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/diskless.XXXXXX") || exit 96
trap 'rm -rf "$WORK"' EXIT
mkdir -p "$WORK/uml"

by_initramfs() {
  KERNEL=/usr/bin/linux.uml MODULES=$(ls -d /usr/lib/uml/modules/* | tail -1)
  [ -x $KERNEL ] || die "needs user-mode-linux"
  mkdir -p "$WORK/initramfs/bin" "$WORK/initramfs/modules" "$WORK/m/lib/modules"
  cp "$BUSYBOX" "$WORK/initramfs/bin/busybox"
  ln -s "$MODULES" "$WORK/m/lib/modules/$(basename "$MODULES")"
  modprobe -d "$WORK/m" -S "$(basename "$MODULES")" --show-depends nfsv2 | { n=10; while read -r _ file _; do
    cp "$file" "$WORK/initramfs/modules/$n-$(basename "$file")"; n=$((n + 1)); done; } || die "no NFS modules in $MODULES"
  cat >"$WORK/initramfs/init" <<E
#!/bin/busybox sh
export PATH=/bin
busybox mkdir /proc /sys /new
busybox mount -t proc proc /proc
for module in /modules/*; do busybox insmod \$module; done
busybox ip link set lo up
busybox ip addr add $MACHINE/24 dev vec0
busybox ip link set vec0 up
busybox mount -t nfs -o vers=2,proto=tcp,nolock,addr=$HOST $HOST:$ROOT /new || busybox poweroff -f
busybox umount /proc
exec busybox switch_root /new /sbin/init
E
  chmod +x "$WORK/initramfs/init"
  (cd "$WORK/initramfs" && find . | busybox cpio -o -H newc 2>/dev/null) >"$WORK/initramfs.cpio" || die "cannot pack the initramfs"
  BOOT="initrd=$WORK/initramfs.cpio"
}

by_itself() {
  KERNEL=$OWN
  [ -x "$KERNEL" ] || die "no kernel $KERNEL"
  printf '%s\n' "interface diskless0" "start $MACHINE" "end $MACHINE" "option subnet 255.255.255.0" "lease_file $WORK/leases" \
    "pidfile $WORK/udhcpd.pid" >"$WORK/udhcpd.conf"
  : >"$WORK/leases"
}

if [ -n "$OWN" ]; then by_itself; else by_initramfs; fi

cat >"$WORK/run" <<'E'
ip link set lo up
[ -e /dev/net/tun ] || { mkdir -p /dev/net; mknod /dev/net/tun c 10 200; }
ip tuntap add dev diskless0 mode tap && ip addr add "$HOST/24" dev diskless0 && ip link set diskless0 up || exit 96
trap 'ip link del diskless0 2>/dev/null' EXIT
# UML 6.1 now and then sleeps on with a received packet unread until the next one comes (see linux-client.sh). By broadcast: the machine may have no address yet.
python3 -c '
import socket,sys,time
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET,socket.SO_BROADCAST,1)
while 1:
  try: s.sendto(b"",(sys.argv[1],9))
  except OSError: pass
  time.sleep(0.004)' "${HOST%.*}.255" &
[ ! -e "$WORK/udhcpd.conf" ] || busybox udhcpd -f -a 100 "$WORK/udhcpd.conf" >/dev/null 2>&1 &
"$KERNEL" mem=256M $BOOT quiet con=null con0=null,fd:1 ssl=null uml_dir="$WORK/uml" umid=d \
  vec0:transport=tap,ifname=diskless0,depth=128,gro=1 </dev/null 2>&1
true
E
export WORK KERNEL BOOT HOST
[ -z "$NSNAME" ] && IN='' || IN="nsenter --net=/run/netns/$NSNAME"
timeout -k 5 "$TMO" $IN unshare --pid --fork --kill-child --mount-proc bash "$WORK/run"
status=$?
[ $status = 124 ] || [ $status = 137 ] && exit 98
exit $status
