#!/bin/sh
# Runs the edge where addresses aren't known beforehand, as on Kubernetes (charts/merkez, kamailio.enabled):
#   edge.sh run    Kamailio, on this machine's address
#   edge.sh nodes  keeps nodes.list and Kamailio's own list at what a name resolves to, and takes a renewed certificate up
# Told by the environment:
#   EDGE_ADDRESS    this machine's address, one of EDGES
#   EDGES           10.0.1.5=203.0.113.5,10.0.1.6: edges' addresses and what the world calls them, as telephony is told
#   EDGE_PORT       of UDP and TCP (5060); TLS, where EDGE_CERTIFICATE names a file, is the next one
#   EDGE_NODES      name that resolves to telephony's nodes, those that drain among them; EDGE_NODES_PORT their SIP port
#   EDGE_KEEP       seconds that an address is kept for after its name went (120): calls of a node that died are taken
#                   over meanwhile, and what comes for them still names it
#   EDGE_RUN        folder of what this writes (/run/kamailio)
set -eu

run=${EDGE_RUN:-/run/kamailio}
port=${EDGE_PORT:-5060}

said() { echo "edge: $*" >&2; }

# What the world calls an address; nothing where that is the address itself.
public_of() {
  for each in $(echo "$EDGES" | tr ',' ' '); do
    if [ "${each%%=*}" = "$1" ]; then
      case $each in *=*) echo "${each#*=}";; esac
      return
    fi
  done
  said "this machine's address $1 is none of the edges ($EDGES): telephony would believe nothing it says"
  return 1
}

listen() {
  public=$(public_of "$EDGE_ADDRESS") || exit 1
  set -- kamailio -DD -E -m 64 -M 8 -f "${EDGE_CONFIG:-/etc/kamailio/kamailio.cfg}" -Y "$run" -P "$run/kamailio.pid"
  for each in "udp:$port" "tcp:$port" ${EDGE_CERTIFICATE:+"tls:$((port + 1))"}; do
    at=${each#*:}
    set -- "$@" -l "${each%%:*}:$EDGE_ADDRESS:$at${public:+/$public:$at}"
  done
  exec "$@"
}

control() { kamcmd -s "unix:$run/kamailio_ctl" "$@"; }
changed() { case $(control "$@" 2>&1) in Ok*) ;; *) return 1;; esac; }   # kamcmd ends with 0 either way
uri() { echo "sip:$1:$EDGE_NODES_PORT;transport=udp"; }

# Who answers is Kamailio's to find out, by OPTIONS: a node isn't called before it has answered one (9: inactive, asked).
# One by one, for a reload would take every node for alive again, the dead ones too.
follow() {
  have=$(control dispatcher.list 2>/dev/null) || return 0   # not running: it reads the file when it is
  for each in $1; do
    case $have in *"$(uri "$each")"*) ;; *)
      changed dispatcher.add 1 "$(uri "$each")" 9 && said "node $each has come";;
    esac
  done
  for each in $(echo "$have" | sed -n 's/.*URI: sip:\([0-9.]*\):.*/\1/p'); do
    case " $1 " in *" $each "*) ;; *)
      changed dispatcher.remove 1 "$(uri "$each")" && said "node $each has gone";;
    esac
  done
}

nodes() {
  keep=${EDGE_KEEP:-120}
  mkdir -p "$run/seen"
  certificate=none
  while :; do
    # A name server that is away says nothing of the nodes: what was known stays.
    found=$(getent ahostsv4 "$EDGE_NODES") || found=
    if [ -n "$found" ]; then
      for each in $(echo "$found" | awk '{print $1}' | sort -u); do touch "$run/seen/$each"; done
      now=$(date +%s)
      for each in "$run"/seen/*; do
        [ -e "$each" ] || continue
        [ $((now - $(stat -c %Y "$each"))) -le "$keep" ] || rm "$each"
      done
    fi
    all=$(ls "$run/seen" | tr '\n' ' ')
    if [ -n "$all" ]; then
      for each in $all; do echo "1 $(uri "$each") 0 0"; done > "$run/nodes.list.new"
      mv "$run/nodes.list.new" "$run/nodes.list"
      follow "${all% }"
    else
      said "$EDGE_NODES resolves to nothing: no node of telephony is there"
    fi
    if [ -n "${EDGE_CERTIFICATE:-}" ]; then
      shown=$(cksum < "$EDGE_CERTIFICATE")
      if [ "$certificate" = none ]; then certificate=$shown
      elif [ "$certificate" != "$shown" ] && changed tls.reload; then
        certificate=$shown
        said "the renewed certificate is shown from now on"
      fi
    fi
    touch "$run/looked"
    sleep "${EDGE_LOOK:-2}"
  done
}

case ${1:-} in
  run) listen;;
  nodes) nodes;;
  *) said "run or nodes?"; exit 2;;
esac
