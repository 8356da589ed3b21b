#!/bin/sh
# Pin what requirements/*.in ask for, with the hashes of all files of each version, for Python 3.11 to 3.13.
# Needs the program `uv`. Pass --upgrade for the newest versions; without it pinned versions stay.
set -eu
cd "$(dirname "$0")/../requirements"
# Each lock is a constraint of the next, so that all of them agree.
for name in runtime demo dev; do
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --no-annotate "$@" "$name.in" --output-file "$name.txt"
done
