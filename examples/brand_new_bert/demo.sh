#!/usr/bin/env bash
# The main job on this folder's model: scaffold, diff, pt-to-tf. Usage: demo.sh OUTPUT_FOLDER (from the project's root)
set -euo pipefail
output=$1
here=$(dirname "$0")

show() { printf '\n$ %s\n' "$*"; "$@"; }

mkdir -p "$output"
rm -rf "$output/tensorflow"
port=$output/modeling_tf_brand_new_bert.py
show python "$here/save_checkpoint.py" "$output/pytorch"
show porter scaffold brand_new_bert --sample "$here/sample.json" --output "$output"
show porter diff --model "$output/pytorch" --tf "$port"
show porter pt-to-tf --model "$output/pytorch" --tf "$port" --no-pr --output "$output/tensorflow"

printf '\nThe port matches PyTorch. Written:\n'
find "$output" -type f -not -name "*.pyc" -not -path "*/.porter/*" | sort | sed 's/^/  /'
