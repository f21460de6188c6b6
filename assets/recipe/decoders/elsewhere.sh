#!/bin/sh
# Train both decoders on another machine, with a GPU and no network, from what decoders.bundle gathered and was unpacked there to DATA.
# usage: assets/recipe/decoders/elsewhere.sh DATA WHEELS OUT SECONDS      (run in the repository's root; WHEELS: moshi, soundfile and what they need)
# OUT receives the export in a tar, in pieces that are small enough to send.
set -e
data=$(realpath "$1") wheels=$(realpath "$2") out=$(realpath "$3") seconds=$4
. assets/recipe/wheels.sh
carried "$wheels" "soundfile, moshi"
cd assets/recipe
export PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=2
pids=
for which in mimi detokenizer; do
    python3 -m decoders.train --data "$data" --which $which --seconds "$seconds" > "$out/$which.log" 2>&1 &
    pids="$pids $!"
done
for pid in $pids; do
    wait "$pid" # ends with its error
done
tar -c -C "$data/codec" export | split -b 15000000 - "$out/export.tar."
