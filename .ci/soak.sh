#!/usr/bin/env bash
# Lets `headcount simulate` run in a loop against one server with a journal on disk, and looks
# at the server's memory and at its folder. Not part of `.ci/run`: for figures, and to see that
# both stay flat: the folder after two minutes, and memory after half an hour, as a room in which
# nobody is left is remembered for 12 minutes, and its users for 11.
#
#   cargo build --release
#   bash .ci/soak.sh [MINUTES] [BINARY]      # 10 minutes of target/release/headcount if not given
#   RATE=1000 bash .ci/soak.sh 40            # 1,000 callbacks a second, not as many as it can take
set -euo pipefail
cd "$(dirname "$0")/.."
minutes="${1:-10}"
headcount="${2:-${CARGO_TARGET_DIR:-target}/release/headcount}"
# How often it is looked, in seconds.
every=10

scratch="$(mktemp -d)"
processes=()
finish() {
  for process in "${processes[@]}"; do
    kill "$process" 2>/dev/null || true
  done
  rm -rf "$scratch"
}
trap finish EXIT

# What is remembered is as short as the simulation lets it be.
cat >"$scratch/headcount.toml" <<'CONFIG'
webhook = { listen = "127.0.0.1:18082" }
grpc = { listen = "127.0.0.1:15053" }
admin = { listen = "127.0.0.1:19092" }
roster = { empty_room_ttl = "12m", history_age_max = "1m" }

[journal]
retention = "1m"
checkpoint_interval = "10s"

[[apps]]
name = "demo"
zego = { app_id = 1, callback_secret = "secret" }

[[apps]]
name = "demo-tencent"
tencent = { sdk_app_id = 1400000000 }
CONFIG
"$headcount" serve --config "$scratch/headcount.toml" 2>"$scratch/server.log" &
server=$!
processes+=("$server")
export HEADCOUNT_SERVER=127.0.0.1:15053 HEADCOUNT_APP=demo
for _ in $(seq 100); do
  "$headcount" rooms >/dev/null 2>&1 && break
  sleep 0.1
done

# Rooms of both vendors in turn. (A chat user who is online stays so, however quiet: of those a
# server that is right keeps more with every run.)
simulate() {
  local vendor=zego app=demo next=tencent
  while "$headcount" simulate --vendor "$vendor" ${RATE:+--rate "$RATE"} --webhook http://127.0.0.1:18082 >>"$scratch/simulate.log" 2>&1; do
    "$headcount" rooms --app "$app" --json | python3 .ci/close_rooms.py http://127.0.0.1:18082
    read -r vendor next <<<"$next $vendor"
    if [ "$vendor" = zego ]; then app=demo; else app=demo-tencent; fi
  done
}
simulate &
simulation=$!
processes+=("$simulation")

metric() { curl --silent http://127.0.0.1:19092/metrics | sed -n "s/^headcount_$1 //p"; }
began=$SECONDS
echo "seconds rss_mib folder_mib segments entries" | tee "$scratch/samples"
while [ $((SECONDS - began)) -lt $((minutes * 60)) ]; do
  sleep "$every"
  kill -0 "$server" 2>/dev/null || { echo "the server ended:" >&2; tail "$scratch/server.log" >&2; exit 1; }
  kill -0 "$simulation" 2>/dev/null || { echo "a simulation failed:" >&2; tail "$scratch/simulate.log" >&2; exit 1; }
  rss="$(awk '/^VmRSS:/ { printf "%.1f", $2 / 1024 }' "/proc/$server/status")"
  # Files may go while they are counted.
  folder="$(du --summarize --block-size=1K "$scratch/data" 2>/dev/null | awk '{ printf "%.1f", $1 / 1024 }')" || true
  segments="$(find "$scratch/data" -name '*.segment' | wc -l)"
  echo "$((SECONDS - began)) $rss $folder $segments $(metric journal_entries_total)" | tee -a "$scratch/samples"
done

python3 - "$scratch/samples" <<'TABLE'
import statistics
import sys

names, *rows = [line.split() for line in open(sys.argv[1], encoding="utf-8")]
columns = list(zip(*[[float(field) for field in row] for row in rows]))
print(f"\n| | first | median | last | most |\n| --- | --- | --- | --- | --- |")
for name, column in list(zip(names, columns))[1:-1]:
    figures = column[0], statistics.median(column), column[-1], max(column)
    print(f"| {name} | " + " | ".join(f"{figure:g}" for figure in figures) + " |")
seconds, entries = columns[0][-1], columns[-1][-1]
print(f"\n{entries:.0f} entries in {seconds:.0f} s: {entries / seconds:.0f} a second")
TABLE
echo "$(grep --count '^simulate: ' "$scratch/simulate.log") simulations, all without a difference"
echo "checkpoints: $(metric journal_checkpoints_total), failed: $(metric journal_checkpoint_failures_total)"
