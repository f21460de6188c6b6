#!/bin/sh
# Train on another machine, with a GPU and no network, from what language/bundle.sh gathered; may be cut off at any time.
# usage: assets/recipe/language/elsewhere.sh BUNDLE OUT STOP SECONDS [options of language.train]      (run in the repository's root)
# The checkpoint stays in /tmp/run while the machine lasts; OUT receives the averaged weights in files that are small enough to send.
# If the machine was lost, put those into BUNDLE/small: the next run begins with them.
set -e
bundle=$(realpath "$1") out=$(realpath "$2") stop=$3 seconds=$4
shift 4
. assets/recipe/wheels.sh
carried "$bundle/wheels" "soundfile"
[ -d /tmp/pack ] || cp -r "$bundle/pack" /tmp/pack
start=
[ -d "$bundle/small" ] && start="--start $bundle/small"
cd assets/recipe
export PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
python3 -m language.train --pack /tmp/pack --run /tmp/run --small "$out" $start --stop "$stop" --seconds "$seconds" "$@"
cp /tmp/run/config.json /tmp/run/measured.jsonl "$out"
