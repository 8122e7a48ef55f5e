#!/bin/bash
# Called by Maven at the end of `package`: assemble.sh TARGET. TARGET/lib holds the jars already.
# Adds bin/ and, as an optimisation that may fail without harm, the ahead-of-time caches that halve
# the start of the command line and of an instance.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
target=$1
mkdir -p "$target/bin"
rm -f "$target"/bin/* "$target"/lib/*.aot "$target"/lib/native-codec
install -m 755 "$here/bin/eggs" "$target/bin/eggs"
install -m 644 "$here/bin/find-jdk.sh" "$target/bin/find-jdk.sh"
for role in run cli shard cdc blocks shuckle; do
  ln -sf eggs "$target/bin/eggs$role"
done

for jar in "$target"/lib/eggsfs-core-*.jar; do
  if "$JAVA_HOME/bin/jar" tf "$jar" | grep -q '\.so$'; then
    : >"$target/lib/native-codec"
  fi
done
