#!/usr/bin/env bash
# enter.sh ROOT COMMAND...: runs a command in an image's file system as the chart's securityContext says: a root that can't
# be written, /tmp that can, uid 10001, no capability and no way to one. In a mount namespace of its own (unshare --mount).
set -euo pipefail
root=$1
shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
if [ -n "${SECRETS:-}" ]; then
  mkdir "$root/run/secrets"
  install -m 0440 -g 10001 "$SECRETS" "$root/run/secrets/"
fi
mount -o remount,ro,bind "$root"
unset SECRETS
cd /
exec chroot "$root" setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
  sh -c 'cd /tmp && exec "$@"' sh "$@"
