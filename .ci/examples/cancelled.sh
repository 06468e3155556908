#!/usr/bin/env bash
# Cancels many watches at once, beside one on the same connection that has to stay.
#
#   bash .ci/examples/cancelled.sh BINARY PYTHON CANCELLED_JS
set -euo pipefail
cd "$(dirname "$0")/../.."
headcount="$1" python="$2" cancelled_js="$3"
source .ci/examples/server.sh

# stays CLIENT COMMAND…: whether the watch that has to stay is told of a login after the others
# were cancelled.
stays() {
  local client="$1" out="$scratch/$1.out" process
  shift
  : >"$out"
  "$@" "$HEADCOUNT_SERVER" ci-room >"$out" 2>&1 &
  process=$!
  others+=("$process")
  eventually 60 ended_or_cancelled || true
  login "$client"
  wait "$process" && grep -q "^joined: $client\$" "$out"
}
ended_or_cancelled() { grep -q '^cancelled$' "$out" || ! kill -0 "$process" 2>/dev/null; }

start_server
broken=()
stays python "$python" .ci/examples/cancelled.py || broken+=(python)
stays node node "$cancelled_js" || broken+=(node)
[ "${#broken[@]}" -eq 0 ] || fail "the watch that has to stay ended: ${broken[*]}"
