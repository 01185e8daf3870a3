#!/bin/sh
# Analyses what has newly come into a folder, for cron or a systemd timer:
#   * * * * *  flock --nonblock /run/lock/echobeat analyse-new-files.sh /srv/incoming /srv/results --dicom
# A file counts when it has not changed for two minutes, so that none is read while it is still being copied. What has its
# complete results is skipped. Further arguments go to `echobeat analyze`.
set -eu
incoming=$1 results=$2
shift 2
settled=$(mktemp)
trap 'rm -f "$settled"' EXIT
trap 'exit 130' HUP INT TERM
find "$incoming" -type f ! -newerct "${SETTLED:-2 minutes ago}" -print0 > "$settled"
[ -s "$settled" ] || exit 0
"${ECHOBEAT:-echobeat}" analyze --out "$results" --resume "$@" --files-from "$settled"
