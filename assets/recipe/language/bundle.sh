#!/bin/sh
# All that another machine needs to train the language model, in one folder: the packed corpus and the wheels it may lack.
# usage: language/bundle.sh DATA TARGET [MEGABYTES]      (run in assets/recipe; TARGET is best a folder that git ignores)
set -e
data=$1 target=$2 megabytes=${3:-34}
python -m language.pack --data "$data" --megabytes "$megabytes"
if [ -d "$data/voices" ]; then
    python -m voices.say --data "$data"
else
    python -m language.recall ../pocket --data "$data"
fi
mkdir -p "$target/pack" "$target/wheels"
rm -f "$target"/pack/*
cp "$data"/language/pack/*.opus "$data"/language/pack/*.jsonl "$data"/language/pack/*.npz "$target/pack"
cp "$data"/language/pack/tokenizer.json "$data"/language/pack/sentences.txt "$data"/language/pack/told.txt "$target/pack"
ls "$target"/wheels/*.whl > /dev/null 2>&1 || python -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 \
    --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    -d "$target/wheels" soundfile==0.14.0 cffi==2.1.1 num2words==0.5.14
du -sh "$target"
