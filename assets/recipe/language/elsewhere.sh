#!/bin/sh
# Train on another machine, with a GPU and no network, from what language/bundle.sh gathered; may be cut off at any time.
# usage: assets/recipe/language/elsewhere.sh STAGE BUNDLE OUT STOP SECONDS PROCESSES [its options]      (run in the repository's root)
# STAGE: language.train or, with weights in BUNDLE/small, language.accustom or language.own_ear (which wants --detokenizer FOLDER, an absolute path).
# One process leaves two thirds of a large GPU idle; several, of which the mean is taken in the end, do not. Their checkpoints stay in /tmp/run-1,
# /tmp/run-2 … while the machine lasts; OUT receives the mean, OUT/1, OUT/2 … each one's averaged weights, in files that are small enough to send.
# If the machine was lost, put the mean of those into BUNDLE/small: the next run begins with it.
set -e
stage=$1 bundle=$(realpath "$2") out=$(realpath "$3") stop=$4 seconds=$5 processes=$6
shift 6
. assets/recipe/wheels.sh
carried "$bundle/wheels" "soundfile, num2words"
[ -d /tmp/pack ] || cp -r "$bundle/pack" /tmp/pack
start=
[ -d "$bundle/small" ] && start="--start $bundle/small"
cd assets/recipe
export PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
pids=
for seed in $(seq "$processes"); do
    python3 -m "$stage" --pack /tmp/pack --run "/tmp/run-$seed" --small "$out/$seed" --seed "$seed" $start --stop "$stop" --seconds "$seconds" "$@" &
    pids="$pids $!"
done
for pid in $pids; do
    wait "$pid" # ends with its error, so that nothing unfinished gets into the mean
done
for seed in $(seq "$processes"); do
    cp /tmp/run-"$seed"/*.json* "$out/$seed"
done
python3 -m language.between "$out" "$out"/[0-9]*
