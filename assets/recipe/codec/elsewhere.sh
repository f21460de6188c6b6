#!/bin/sh
# Train the codec on another machine, with a GPU and no network, from what codec.bundle gathered and the wheels beside it.
# usage: assets/recipe/codec/elsewhere.sh BUNDLE OUT SECONDS      (run in the repository's root; BUNDLE/wheels as language/bundle.sh has them)
# OUT receives the exported codec; the whole schedule is this one run.
set -e
bundle=$(realpath "$1") out=$(realpath "$2") seconds=$3
. assets/recipe/wheels.sh
carried "$bundle/wheels" "soundfile, moshi, pystoi"
cd assets/recipe
export PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=4
python3 -m codec.bundle --data /tmp/data --unpack "$bundle"
python3 -m codec.train --data /tmp/data --start "$bundle/start.pt" --by-clock --seconds "$seconds"
python3 -m codec.export --data /tmp/data
cp /tmp/data/codec/export/* /tmp/data/codec/measured.jsonl "$out"
