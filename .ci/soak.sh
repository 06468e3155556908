#!/usr/bin/env bash
# Lets `headcount simulate` run in a loop, one vendor after the other, against one server with a
# journal on disk, beside watchers that come, go and stall. Looks at the server's memory and at its
# folder. Fails if a simulation finds a difference, or if memory grows by 2 % or more in the
# second half. That half begins when nothing of the first simulations is left: after a quarter
# of an hour, as a room in which nobody is left is remembered for 12 minutes, and its users for 11.
# A shorter run is not judged. Not part of `.ci/run`, because it takes half an hour.
#
#   cargo build --release
#   bash .ci/soak.sh [MINUTES] [BINARY]      # 30 minutes of target/release/headcount if not given
#   RATE=5000 bash .ci/soak.sh 40            # 5,000 callbacks a second, not 1,000
set -euo pipefail
cd "$(dirname "$0")/.."
minutes="${1:-30}"
headcount="${2:-${CARGO_TARGET_DIR:-target}/release/headcount}"
rate="${RATE:-1000}"
# How often it is looked, in seconds.
every=10
# From here on memory must not grow.
judged_from=15

scratch="$(mktemp -d)"
processes=()
finish() {
  for process in "${processes[@]}"; do
    kill "$process" 2>/dev/null && kill -CONT "$process" 2>/dev/null || true
  done
  # The server writes a checkpoint at its end.
  wait
  rm -rf "$scratch"
}
trap finish EXIT

# What is remembered is as little as the simulation lets it be, so that it is soon as much as it gets.
cat >"$scratch/headcount.toml" <<'CONFIG'
webhook = { listen = "127.0.0.1:18082", nonce_pairs_max = 100_000 }
grpc = { listen = "127.0.0.1:15053" }
admin = { listen = "127.0.0.1:19092" }
roster = { empty_room_ttl = "12m", history_age_max = "1m" }

[journal]
retention = "1m"
checkpoint_interval = "10s"

[[apps]]
name = "demo"
zego = { app_id = 1, callback_secret = "secret" }
zim = {}

[[apps]]
name = "demo-tencent"
tencent = { sdk_app_id = 1400000000 }
CONFIG
"$headcount" serve --config "$scratch/headcount.toml" 2>"$scratch/server.log" &
server=$!
processes+=("$server")
export HEADCOUNT_SERVER=127.0.0.1:15053 HEADCOUNT_APP=demo
webhook=http://127.0.0.1:18082
for _ in $(seq 100); do
  "$headcount" rooms >/dev/null 2>&1 && break
  sleep 0.1
done

# Who is in which room, and on which device, after a simulation of a vendor.
left() {
  local vendor="$1" tag="$2" number
  case "$vendor" in
    zego) "$headcount" rooms --app demo --json ;;
    tencent) "$headcount" rooms --app demo-tencent --json ;;
    zim)
      for number in $(seq 0 99); do
        "$headcount" user --app demo --json "sim-$tag-user-$number"
      done
      ;;
  esac
}

simulate() {
  local round=0 vendor
  while true; do
    for vendor in zego tencent zim; do
      round=$((round + 1))
      "$headcount" simulate --vendor "$vendor" --tag "$round" --rate "$rate" --duration 20s --webhook "$webhook" \
        >>"$scratch/simulate.log" 2>&1 || return
      left "$vendor" "$round" >"$scratch/left"
      python3 .ci/end_all.py "$webhook" <"$scratch/left" || return
    done
  done
}
simulate &
simulation=$!
processes+=("$simulation")

# Watchers of rooms that are open now: each is there for some rounds of this loop, every third one
# reads nothing meanwhile.
watch() {
  local watchers=() number=0 app room
  trap 'for it in "${watchers[@]}"; do kill "$it" 2>/dev/null && kill -CONT "$it" 2>/dev/null; done; exit' TERM
  while true; do
    for app in demo demo-tencent; do
      for room in $("$headcount" rooms --app "$app" --json 2>/dev/null | head -n 200 | shuf -n 4 |
        python3 -c 'import json, sys; [print(json.loads(line)["room_id"]) for line in sys.stdin]'); do
        "$headcount" watch --app "$app" --json "$room" >/dev/null 2>&1 &
        watchers+=($!)
        number=$((number + 1))
        [ $((number % 3)) -ne 0 ] || kill -STOP $!
      done
    done
    echo "$number" >"$scratch/watched"
    sleep 3 & wait $!
    while [ ${#watchers[@]} -gt 24 ]; do
      kill "${watchers[0]}" 2>/dev/null && kill -CONT "${watchers[0]}" 2>/dev/null || true
      wait "${watchers[0]}" 2>/dev/null || true
      watchers=("${watchers[@]:1}")
    done
  done
}
watch &
watching=$!
processes+=("$watching")

metric() { curl --silent http://127.0.0.1:19092/metrics | sed -n "s/^headcount_$1 //p"; }
began=$SECONDS
echo "seconds rss_mib folder_mib segments entries" | tee "$scratch/samples"
while [ $((SECONDS - began)) -lt $((minutes * 60)) ]; do
  sleep "$every"
  kill -0 "$server" 2>/dev/null || { echo "the server ended:" >&2; tail "$scratch/server.log" >&2; exit 1; }
  kill -0 "$simulation" 2>/dev/null || { echo "a simulation failed:" >&2; tail "$scratch/simulate.log" >&2; exit 1; }
  kill -0 "$watching" 2>/dev/null || { echo "the watchers ended" >&2; exit 1; }
  rss="$(awk '/^VmRSS:/ { printf "%.1f", $2 / 1024 }' "/proc/$server/status")"
  # Files may go while they are counted.
  folder="$(du --summarize --block-size=1K "$scratch/data" 2>/dev/null | awk '{ printf "%.1f", $1 / 1024 }')" || true
  segments="$(find "$scratch/data" -name '*.segment' | wc -l)"
  echo "$((SECONDS - began)) $rss $folder $segments $(metric journal_entries_total)" | tee -a "$scratch/samples"
done

echo
echo "$(grep --count '^simulate: .* 0 differences' "$scratch/simulate.log") simulations, all without a difference; $(cat "$scratch/watched") watchers"
echo "checkpoints: $(metric journal_checkpoints_total), failed: $(metric journal_checkpoint_failures_total)"
python3 - "$scratch/samples" "$judged_from" <<'TABLE'
import statistics
import sys

names, *rows = [line.split() for line in open(sys.argv[1], encoding="utf-8")]
judged_from = int(sys.argv[2]) * 60
columns = list(zip(*[[float(field) for field in row] for row in rows]))
print(f"\n| | first | median | last | most |\n| --- | --- | --- | --- | --- |")
for name, column in list(zip(names, columns))[1:-1]:
    figures = column[0], statistics.median(column), column[-1], max(column)
    print(f"| {name} | " + " | ".join(f"{figure:g}" for figure in figures) + " |")
seconds, entries = columns[0][-1], columns[-1][-1]
print(f"\n{entries:.0f} entries in {seconds:.0f} s: {entries / seconds:.0f} a second")

# Memory goes up and down with each simulation, so it is the medians of thirds that are compared.
judged = [rss for second, rss in zip(*columns[:2]) if second >= judged_from]
third = len(judged) // 3
if third < 10:
    sys.exit(print("memory was not judged: the run was too short"))
growth = statistics.median(judged[-third:]) / statistics.median(judged[:third]) - 1
print(f"memory grew by {growth:.2%} from minute {judged_from // 60} on")
sys.exit(growth >= 0.02 and "memory grows")
TABLE
