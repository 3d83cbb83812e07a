#!/usr/bin/env bash
# node.sh NAME: a Kubernetes node, in network and mount namespaces of its own (`unshare --net --mount --uts`). Its folder
# (NODE_FOLDER) keeps Docker's images between runs. Whoever starts it gives it a network, and ends it by its process id.
set -euo pipefail
name=$1
hostname "$name"
mount --make-rprivate /
ip link set lo up

# What a node writes outside of its folder is its own: /run, /var/lib, /var/log.
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir -p "$NODE_FOLDER"/{docker,kubelet,log} /var/lib/kubelet /run/bin
rm -rf "$NODE_FOLDER"/docker/containers "$NODE_FOLDER"/kubelet/* "$NODE_FOLDER"/log/*
mount --bind "$NODE_FOLDER/kubelet" /var/lib/kubelet
mount --bind "$NODE_FOLDER/log" /var/log
# A kubelet sets these for the whole machine, and finds them set.
for each in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
            kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  file=/run/$(echo "${each%=*}" | tr / .)
  echo "${each#*=}" > "$file"
  [ -e "/proc/sys/${each%=*}" ] && mount --bind "$file" "/proc/sys/${each%=*}"
done
for each in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -s "$(command -v "${each/tables/tables-legacy}")" "/run/bin/$each"
done
export PATH=/run/bin:$MERKEZ_CLUSTER/bin:$MERKEZ_CLUSTER/root/usr/sbin:$MERKEZ_CLUSTER/root/usr/bin:$PATH

until ip -4 -o addr show dev eth0 2>/dev/null | grep -q inet; do sleep 0.1; done
echo 1 > /proc/sys/net/ipv4/ip_forward

dockerd --data-root "$NODE_FOLDER/docker" --exec-root /run/docker --pidfile /run/docker.pid --host unix:///run/docker.sock \
  --bip "$NODE_BRIDGE" --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false --userland-proxy=false \
  --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$NODE_CGROUP" --log-level warn \
  --add-runtime "node=$NODE_RUNC" --default-runtime node > "$NODE_FOLDER/log/dockerd.log" 2>&1 &
until docker info >/dev/null 2>&1; do sleep 0.2; done

kube-proxy --kubeconfig "$NODE_KUBECONFIG" --hostname-override "$name" --cluster-cidr "$NODE_PODS" --proxy-mode iptables \
  --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0 --conntrack-tcp-timeout-close-wait 0 --oom-score-adj 0 \
  --iptables-min-sync-period 0s > "$NODE_FOLDER/log/kube-proxy.log" 2>&1 &

echo ready > "$NODE_FOLDER/ready"
exec kubelet --kubeconfig "$NODE_KUBECONFIG" --hostname-override "$name" --node-ip "$NODE_ADDRESS" --address "$NODE_ADDRESS" \
  --node-labels "topology.kubernetes.io/zone=zone-of-$name" --container-runtime docker --docker-endpoint unix:///run/docker.sock \
  --pod-infra-container-image merkez-pause:local --cluster-dns "$NODE_DNS" --cluster-domain cluster.local \
  --resolv-conf "$NODE_RESOLV" --cgroup-driver cgroupfs --cgroup-root "$NODE_CGROUP" --authorization-mode AlwaysAllow \
  --anonymous-auth=true --fail-swap-on=false --oom-score-adj 0 --eviction-hard "memory.available<100Mi" \
  --image-gc-high-threshold 100 --housekeeping-interval 30s --event-qps 0 --v 1 > "$NODE_FOLDER/log/kubelet.log" 2>&1
