#!/usr/bin/env bash
# What a Kubernetes node is made of, in .cache/cluster: Kubernetes 1.20 built from Debian's source package (about five minutes
# on two cores, once), Docker, etcd and Go out of Debian's packages, which are unpacked and not installed. As root, for Docker.
set -euo pipefail
cd "$(dirname "$0")/../.."

home=$PWD/.cache/cluster
wanted=$(cat infra/cluster/programs.sh infra/cluster/probe/main.go | sha256sum | cut -d' ' -f1)
[ "$(cat "$home/stamp" 2>/dev/null || true)" = "$wanted" ] && exit 0
mkdir -p "$home/bin" "$home/deb" "$home/apt/lists/partial"

for each in gcc make jq dpkg-source iptables-legacy rsync; do
  command -v $each >/dev/null || missing="${missing:-} $each"
done
if [ -n "${missing:-}" ]; then
  echo "Installing what is missing:$missing"
  apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev make jq dpkg-dev iptables rsync >/dev/null
fi

if [ ! -x "$home/root/usr/sbin/dockerd" ]; then
  echo "Unpacking Docker, etcd and Go"
  (cd "$home/deb" && apt-get update -qq && apt-get download -qq docker.io containerd runc etcd-server conntrack golang-1.19-go golang-1.19-src 2>/dev/null)
  for each in "$home"/deb/*.deb; do dpkg -x "$each" "$home/root"; done
fi

# The lists that name sources are this folder's own: the machine's stay as they are.
if [ ! -e "$home/kubernetes/cmd/kubelet" ]; then
  echo "Fetching Kubernetes' source package"
  sed 's/^Types: deb$/Types: deb-src/; s/^deb /deb-src /' /etc/apt/sources.list.d/debian.sources > "$home/apt/debian.sources"
  sources=(-o "Dir::Etc::sourcelist=$home/apt/debian.sources" -o Dir::Etc::sourceparts=- -o "Dir::State::Lists=$home/apt/lists")
  apt-get -qq "${sources[@]}" update
  (cd "$home/apt" && apt-get -qq "${sources[@]}" source --download-only kubernetes 2>/dev/null)
  rm -rf "$home/kubernetes"
  dpkg-source --no-check -x "$home"/apt/kubernetes_*.dsc "$home/kubernetes" >/dev/null
fi

# gRPC probes came with 1.24: this small program asks the same in their place.
mkdir -p "$home/kubernetes/cmd/grpc-probe"
cp infra/cluster/probe/main.go "$home/kubernetes/cmd/grpc-probe/"
cat > "$home/version" <<'VERSION'
KUBE_GIT_COMMIT=debian
KUBE_GIT_TREE_STATE=archive
KUBE_GIT_VERSION=v1.20.2
KUBE_GIT_MAJOR=1
KUBE_GIT_MINOR=20
VERSION
echo "Building Kubernetes (minutes; kept in .cache/cluster)"
(
  cd "$home/kubernetes"
  export GOROOT=$home/root/usr/lib/go-1.19 GOCACHE=$home/gocache GOFLAGS=-buildvcs=false CGO_ENABLED=0
  export PATH=$GOROOT/bin:$PATH KUBE_GIT_VERSION_FILE=$home/version
  make WHAT="cmd/kube-apiserver cmd/kube-controller-manager cmd/kube-scheduler cmd/kubelet cmd/kube-proxy cmd/grpc-probe"
) > "$home/build.log" 2>&1 || { tail -n 30 "$home/build.log" >&2; echo "Kubernetes could not be built; all of it: .cache/cluster/build.log" >&2; exit 1; }
for each in kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy grpc-probe; do
  install "$home/kubernetes/_output/bin/$each" "$home/bin/$each"
done
gcc -Os -static -o "$home/bin/pause" "$home/kubernetes/build/pause/linux/pause.c"
rm -rf "$home/gocache" "$home/kubernetes/_output" "$home/kubernetes/.make"
echo "$wanted" > "$home/stamp"
