#!/usr/bin/env bash
# Traces the system calls of a server that takes callbacks in, and checks that it
# syncs each before it acknowledges it.
#
#   bash .ci/synced.sh target/release/headcount
set -euo pipefail
cd "$(dirname "$0")/.."
headcount="$1"

if ! command -v strace >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  { apt-get update && apt-get install --yes strace; } >/dev/null 2>&1 || true
fi
if ! strace -qq -o /dev/null true 2>/dev/null; then
  echo "SKIPPED: there is no strace, or it may not trace"
  exit 0
fi

scratch="$(mktemp -d)"
server=""
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$scratch"
}
trap finish EXIT

calls="read,recvfrom,readv,write,writev,sendto,sendmsg,pwrite64,fdatasync,fsync"
# -D: it is the server that is our child, and not the tracer.
strace -D -f -yy -s 64 -e trace="$calls" -e signal=none -o "$scratch/trace" \
  "$headcount" serve --dev --data "$scratch/data" \
  --webhook-listen 127.0.0.1:18081 --grpc-listen 127.0.0.1:15052 2>"$scratch/server.log" &
server=$!
serves() { grep -q "serving callbacks" "$scratch/server.log"; }
for _ in $(seq 200); do
  serves && break
  sleep 0.1
done
serves || { echo "the server does not start:" >&2; cat "$scratch/server.log" >&2; exit 1; }

login() { python3 .ci/login.py http://127.0.0.1:18081 "$@" >/dev/null; }

# One at a time, then many at once.
login one-by-one {1..20}
logins=()
for room in {1..8}; do
  login "at-once-$room" {1..20} &
  logins+=($!)
done
wait "${logins[@]}"
kill -TERM "$server"
wait "$server"
server=""
# The tracer is not ours to wait for.
for _ in $(seq 100); do
  grep -q "+++ exited with 0 +++" "$scratch/trace" && break
  sleep 0.1
done

python3 .ci/synced.py --port 18081 --expect 180 "$scratch/trace"
