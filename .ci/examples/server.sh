# Sourced by the scripts beside it: a release server with its journal on disk, and a scratch
# folder. Needs `headcount`, the binary.

scratch="$(mktemp -d)"
server=""
others=()
finish() {
  [ ${#others[@]} -eq 0 ] || kill "${others[@]}" 2>/dev/null || true
  # It may be stopped.
  [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap finish EXIT

# Free ports, which stay the same when the server restarts.
read -r webhook_port grpc_port proxy_port < <(python3 - <<'PORTS'
import socket

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(each.getsockname()[1] for each in sockets))
PORTS
)
data="$scratch/data"
export HEADCOUNT_SERVER="127.0.0.1:$grpc_port" HEADCOUNT_APP=demo

# What a silence is has to be short here, so that the test is.
cat >"$scratch/headcount.toml" <<CONFIG
webhook = { listen = "127.0.0.1:$webhook_port" }
grpc = { listen = "$HEADCOUNT_SERVER", progress_interval = "1s" }

[[apps]]
name = "demo"
zego = { app_id = 1, callback_secret = "secret" }
CONFIG

fail() {
  echo "$*" >&2
  tail -n 20 "$scratch"/*.out "$scratch/server.log" >&2
  exit 1
}

# eventually SECONDS COMMAND…: tries it again and again.
eventually() {
  local until=$((SECONDS + $1))
  shift
  while ! "$@"; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 0.1
  done
}

start_server() {
  "$headcount" serve --config "$scratch/headcount.toml" 2>>"$scratch/server.log" &
  server=$!
  eventually 20 serves || fail "the server does not start"
}

serves() { "$headcount" rooms >/dev/null 2>&1; }

# end_server SIGNAL
end_server() {
  kill "-$1" "$server"
  # The shell would say that it was killed.
  { wait "$server"; } 2>/dev/null || [ "$1" = KILL ]
  server=""
}

# login USER…: into the room of the test.
login() { python3 .ci/login.py "http://127.0.0.1:$webhook_port" ci-room "$@" >/dev/null; }
