#!/bin/sh
# SPDX-License-Identifier: MIT
# mutate_heap over a compressed core: mutate_heap.sh PROGRAM CORE.zst ROUNDS [FIRST [COMMAND]]
program=$1 core=$2
shift 2
command -v zstd >/dev/null || { echo "no zstd to unpack with"; exit 77; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/pydeepsize-mutate-XXXXXX")
trap 'rm -rf "$folder"' EXIT
zstd -dqf "$core" -o "$folder/core" && "$program" "$folder/core" "$@"
