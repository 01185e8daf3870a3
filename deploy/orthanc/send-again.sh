#!/bin/sh
# Sends the clips of the last days to echobeat once more. Orthanc tries only once: what it wanted to forward while the node
# was away is lost otherwise. The node knows what it has had and answers "success" without doing anything again, so this
# may run every hour: cron, with ORTHANC=http://HOST:PORT in its environment. Orthanc's account stands in ~/.netrc, or in
# the file $NETRC (mode 0600), as "machine HOST login NAME password PASSWORD": in the address all users of the machine could
# read it in the list of processes.
set -eu
orthanc=${ORTHANC:-http://127.0.0.1:8042}
since=$(date --date="${DAYS:-7} days ago" +%Y%m%d)

ask() {  # path; the body comes by standard input: an argument may have 128 KiB, which 2,570 clips fill
  curl --silent --show-error --fail --netrc-optional ${NETRC:+--netrc-file "$NETRC"} --data @- "$orthanc$1"
}

clips=$(ask /tools/find <<END
{"Level": "Instance", "Query": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.3.1\\\\1.2.840.10008.5.1.4.1.1.3", "StudyDate": "$since-"}}
END
)
case $clips in *'"'*) printf %s "$clips" | ask /modalities/echobeat/store > /dev/null ;; esac
