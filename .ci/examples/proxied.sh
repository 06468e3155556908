#!/usr/bin/env bash
# Runs four example clients, in Python and in Node, directly and through nginx, while the server is
# deployed, killed, stopped and restored.
#
#   bash .ci/examples/proxied.sh BINARY PYTHON EXAMPLES
set -euo pipefail
cd "$(dirname "$0")/../.."
headcount="$1" python="$2" examples="$3"
source .ci/examples/server.sh

mkdir "$scratch/nginx"
cat >"$scratch/nginx.conf" <<CONFIG
daemon off;
pid nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path nginx;
  proxy_temp_path nginx;
  fastcgi_temp_path nginx;
  uwsgi_temp_path nginx;
  scgi_temp_path nginx;
  server {
    listen 127.0.0.1:$proxy_port http2;
    location / {
      grpc_pass grpc://$HEADCOUNT_SERVER;
    }
  }
}
CONFIG

clients=()
# follow NAME SERVER COMMAND…
follow() {
  local name="$1" address="$2"
  shift 2
  "$@" ci-room --server "$address" --progress-interval 1 >"$scratch/$name.out" 2>&1 &
  others+=($!)
  clients+=("$name")
}

# stage TEXT: from here on, what clients printed before does not count.
declare -A marks
stage() {
  echo "$*"
  for name in "${clients[@]}"; do
    marks[$name]="$(wc -l <"$scratch/$name.out")"
  done
}
printed() { grep -q "$2\$" <(tail -n "+$((${marks[$1]:-0} + 1))" "$scratch/$1.out"); }

# all PATTERN: waits until each client has printed a line that ends so in this stage.
all() {
  for name in "${clients[@]}"; do
    eventually 30 printed "$name" "$1" || fail "$name: no line ends with '$1'"
  done
}

stage "an empty room, and logins"
start_server
nginx -e stderr -p "$scratch" -c "$scratch/nginx.conf" 2>"$scratch/nginx.log" &
others+=($!)
for through in direct nginx; do
  address="$HEADCOUNT_SERVER"
  [ "$through" = direct ] || address="127.0.0.1:$proxy_port"
  follow "python-$through" "$address" "$python" -u "$examples/python/watch.py"
  follow "node-$through" "$address" node "$examples/node/watch.js"
done
all 'snapshot INITIAL: nobody'
login alice bob
all ': alice, bob'

stage "a deploy"
end_server TERM
all 'retrying: .*'
start_server
login carol
all ': alice, bob, carol'

stage "kill -9"
end_server KILL
all 'retrying: .*'
start_server
login dave
all ': alice, bob, carol, dave'

stage "SIGSTOP, for longer than a silence may be"
kill -STOP "$server"
all 'retrying: silent for 2 s .*'
kill -CONT "$server"
login erin
all ': alice, bob, carol, dave, erin'

stage "a restored backup"
end_server TERM
cp -a "$data" "$scratch/backup"
start_server
login zoe
all ': alice, bob, carol, dave, erin, zoe'
end_server TERM
rm -r "$data"
mv "$scratch/backup" "$data"
start_server
login yan
all ': alice, bob, carol, dave, erin, yan'

stage "what the server knows, and what the clients were sent"
user_ids='import json, sys; print(", ".join(sorted(json.loads(line)["user_id"] for line in sys.stdin)))'
truth="$("$headcount" users ci-room --json | python3 -c "$user_ids")"
once="$("$python" "$examples/python/watch.py" ci-room --once --server "127.0.0.1:$proxy_port")"
[ "$once" = "present: $truth" ] || fail "the truth is '$truth', and --once says '$once'"
all ": $truth"
for name in "${clients[@]}"; do
  snapshots="$(grep -o 'snapshot [A-Z_]*' "$scratch/$name.out" | paste -sd ' ')"
  [ "$snapshots" = "snapshot INITIAL snapshot EPOCH_CHANGED" ] || fail "$name did not resume: $snapshots"
  ! grep 'the copy is wrong' "$scratch/$name.out" || fail "$name: a digest differs"
done
