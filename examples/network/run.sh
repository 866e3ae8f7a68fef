#!/usr/bin/env bash
# One region, two facilities and six plants on this machine, each a process with a data folder of its own. They train over mutual TLS on
# loopback; then the region's model is compared with what `simulate --replay` derives from the record of who was included.
#
#   examples/network/run.sh [FOLDER]      (default: a new folder under /tmp)
#
# Needs the build (`npm run build`, or the installed package). Ends every process it started, by its number.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${1:-$(mktemp -d)}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
millwright() { node "$root/dist/cli/main.js" "$@"; }
pids=()
finish() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
}
trap finish EXIT

# start NAME ARGUMENTS...: starts a program in the background; its log is FOLDER/NAME.log, what it prints FOLDER/NAME.out.
start() {
  local name=$1
  shift
  node "$root/dist/cli/main.js" "$@" >"$folder/$name.out" 2>"$folder/$name.log" &
  pids+=($!)
}
# address NAME: waits until a coordinator answers members, and prints its address.
address() {
  for _ in $(seq 600); do
    if [ -s "$folder/$1.out" ]; then head -1 "$folder/$1.out"; return; fi
    sleep 0.1
  done
  echo "$1 did not start:" >&2
  tail -20 "$folder/$1.log" >&2
  exit 1
}
# token FILE: waits for an invitation.
token() {
  for _ in $(seq 100); do
    if [ -s "$1" ]; then return; fi
    sleep 0.1
  done
  echo "no invitation $1" >&2
  exit 1
}

echo "data folders and logs: $folder"
start region serve "$here/federation.yaml" --data "$folder/region" --port 0 --invite --once
echo "region      $(address region)"
for facility in facility-a facility-b; do
  token "$folder/region/tokens/$facility.token"
  start $facility serve --parent-token "@$folder/region/tokens/$facility.token" --data "$folder/$facility" --port 0 --invite --modules "$here"
done
for facility in facility-a facility-b; do echo "$facility  $(address $facility)"; done
for n in 1 2 3 4 5 6; do
  facility=facility-a
  if [ "$n" -gt 3 ]; then facility=facility-b; fi
  token "$folder/$facility/tokens/plant-$n.token"
  start plant-$n join --site "$here/sites/plant-$n.yaml" --data "$folder/plant-$n" --token "@$folder/$facility/tokens/plant-$n.token" --federation "$here/federation.yaml"
done
echo "six plants started; training"
region=${pids[0]}
last=""
while kill -0 "$region" 2>/dev/null; do
  now=$(grep -o 'round\.closed round=[0-9]*' "$folder/region.log" | tail -1 || true)
  if [ "$now" != "$last" ]; then echo "  ${now/round.closed round=/round }"; last=$now; fi
  sleep 0.2
done
wait "$region" || { echo "the region ended with an error:"; tail -20 "$folder/region.log"; exit 1; }
grep -E 'run\.finished' "$folder/region.log"
echo "--- the same model again, from the record of who was included"
millwright record --data "$folder/region" --out "$folder/record.json"
millwright simulate "$here/federation.yaml" --replay "$folder/record.json"
echo "--- what left plant 1"
millwright outbox --data "$folder/plant-1" --last 5
