#!/bin/sh
# runc where this machine's root may do less than a whole machine's: nobody is kept from the out-of-memory killer (a negative
# oomScoreAdj) and no limit of open files is raised. Everything else is as the kubelet said.
for each in "$@"; do
  case $before in
    --bundle|-b) files="$files $each/config.json";;
    --process|-p) files="$files $each";;
  esac
  before=$each
done
for each in $files; do
  [ -w "$each" ] && sed -i -E 's/"oomScoreAdj":-[0-9]+/"oomScoreAdj":0/; s/"rlimits":\[[^]]*\],?//' "$each"
done
exec "$MERKEZ_CLUSTER/root/usr/sbin/runc" "$@"
