#!/bin/sh
# Writes the hash-locked requirement files from pyproject.toml. Needs uv. The files name no package host.
set -eu
cd "$(dirname "$0")/.."
lock() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --annotation-style line \
    --no-emit-index-url --no-emit-find-links --output-file "$@"; }
lock requirements/run.txt pyproject.toml --group build --extra report --extra nvidia
lock requirements/dev.txt pyproject.toml --group build --extra report --extra nvidia --extra evaluate \
    --extra hsm --extra aws --extra postgres --extra operations --extra kbs --group dev
lock requirements/compare.txt pyproject.toml --group build --extra report --extra nvidia --extra evaluate --extra compare
