#!/usr/bin/env bash
# run.sh COMMAND...: brings what a cluster on this machine is made of, and runs the command where such a cluster may be made:
# in network, mount and process namespaces of its own, whose end ends all that was started in them. As root.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "${1:-}" = --inside ]; then
  shift
  mount --make-rprivate /
  ip link set lo up
  "$@" & wait $!   # not exec: who is first in a process namespace buries the orphans
  exit
fi

[ "$(id -u)" = 0 ] || { echo "A Kubernetes node needs root" >&2; exit 1; }
mkdir -p .cache/cluster
exec 9> .cache/cluster/lock
flock --nonblock 9 || { echo "A cluster of this clone runs already" >&2; exit 1; }
for each in buildah mmdebstrap; do
  command -v $each >/dev/null || { apt-get update -qq; apt-get install -y -qq --no-install-recommends buildah mmdebstrap >/dev/null; }
done
bash infra/cluster/programs.sh
bash infra/cluster/images.sh "$(sed -n 's/^appVersion: *"\(.*\)"$/\1/p' charts/merkez/Chart.yaml)"

clean() {
  for _ in 1 2 3 4 5; do
    for each in /sys/fs/cgroup/*/merkez-cluster; do
      [ -d "$each" ] && find "$each" -depth -type d -exec rmdir {} + 2>/dev/null
    done
    ls -d /sys/fs/cgroup/*/merkez-cluster >/dev/null 2>&1 || return 0
    sleep 1
  done
}
trap clean EXIT
unshare --net --mount --pid --fork --kill-child --mount-proc bash infra/cluster/run.sh --inside "$@" 9>&- &
trap 'kill -KILL $!' INT TERM HUP
wait $!
