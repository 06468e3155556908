#!/usr/bin/env bash
# Fills a disk of 8 MB under a server: see tests/it/disk_full.rs.
#
#   bash .ci/disk_full.sh
set -euo pipefail
cd "$(dirname "$0")/.."

disk="$(mktemp -d)"
if ! mount -t tmpfs -o size=8m headcount-small-disk "$disk" 2>/dev/null; then
  rmdir "$disk"
  echo "SKIPPED: a disk of its own cannot be mounted here; that of a process is limited by 'cargo test'"
  exit 0
fi
trap 'umount "$disk" && rmdir "$disk"' EXIT

# One after the other: they share the disk.
HEADCOUNT_SMALL_DISK="$disk" cargo test --locked --test it -- disk_full --nocapture --test-threads=1
