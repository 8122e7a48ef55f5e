#!/bin/bash
# Called by Maven at the end of `package`: assemble.sh TARGET. TARGET/lib holds the jars already.
# Adds bin/ and, as an optimisation that may fail without harm, a cache of loaded classes that halves
# the start of commands and servers.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
target=$1
mkdir -p "$target/bin"
rm -f "$target"/bin/* "$target"/lib/*.aot "$target"/lib/native-codec
install -m 755 "$here/bin/eggs" "$target/bin/eggs"
install -m 644 "$here/bin/find-jdk.sh" "$target/bin/find-jdk.sh"
for role in run cli shard cdc blocks shuckle gc fuse tests; do
  ln -sf eggs "$target/bin/eggs$role"
done

# What mount(8) looks for, in /sbin, to mount a line of fstab.
ln -sf eggs "$target/bin/mount.fuse.eggsfs"

for jar in "$target"/lib/eggsfs-core-*.jar; do
  if "$JAVA_HOME/bin/jar" tf "$jar" | grep -q '\.so$'; then
    : >"$target/lib/native-codec"
  fi
done

# Otherwise every start unpacks the 15 MB of RocksDB's library into the folder for temporary files, and
# a killed process leaves it there.
for jar in "$target"/lib/rocksdbjni-*.jar; do
  (cd "$target/lib" && rm -f librocksdbjni*.so && "$JAVA_HOME/bin/jar" xf "$jar" librocksdbjni-linux64.so)
done

# Leave nothing half made: the launcher takes the cache wherever it exists.
if ! EGGS_JAVA_HOME=$JAVA_HOME EGGS_AOT_OUTPUT=$target/lib/eggs.aot \
  timeout 120 "$target/bin/eggs" train >"$target/../train.log" 2>&1; then
  rm -f "$target"/lib/eggs.aot*
  echo "assemble: no class cache, commands will start slower (see $target/../train.log)" >&2
fi
