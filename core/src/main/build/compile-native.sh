#!/bin/sh
# Compiles the native kernel of the erasure code: compile-native.sh SOURCE_DIR CLASSES_DIR.
# It is an accelerator only: without a compiler, or on another processor, the build goes on and
# the program uses the Vector API instead.
set -eu
source_dir=$1
classes_dir=$2

skip() {
  echo "compile-native: $1; the erasure code will run in Java"
  exit 0
}

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || skip "no native kernel for $(uname -s) on $(uname -m)"
compiler=${CC:-}
if [ -z "$compiler" ]; then
  for candidate in cc gcc clang; do
    if command -v "$candidate" >/dev/null 2>&1; then
      compiler=$candidate
      break
    fi
  done
fi
[ -n "$compiler" ] || skip "no C compiler"

out_dir=$classes_dir/native/linux-x86_64
library=$out_dir/libeggs_rs.so
if [ -f "$library" ] && [ "$library" -nt "$source_dir/eggs_rs.c" ] && [ "$library" -nt "$0" ]; then
  exit 0
fi
mkdir -p "$out_dir"
log=$out_dir/compile.log
if "$compiler" -std=gnu11 -O3 -Wall -Wextra -Werror -fPIC -shared -fvisibility=default \
  -Wl,--build-id=none -Wl,-z,relro,-z,now -s \
  -o "$library.new" "$source_dir/eggs_rs.c" >"$log" 2>&1; then
  mv "$library.new" "$library"
  rm -f "$log"
else
  cat "$log" >&2
  rm -f "$log" "$library.new"
  # A compiler that is too old for GFNI is no reason to fail; a mistake of ours is one in CI.
  [ "${EGGSFS_REQUIRE_NATIVE:-}" != 1 ] || exit 1
  skip "$compiler could not compile eggs_rs.c"
fi
