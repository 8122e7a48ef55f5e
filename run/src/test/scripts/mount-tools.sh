#!/bin/bash
# Heavy programs on a mount, with verification: fio, rsync, git, a C build, a Maven build, the JDK.
#
#   mount-tools.sh MOUNT [STEP...]      all steps, or some of: fio rsync git c maven jdk
#
# Makes a directory below MOUNT and one below TMPDIR, and removes both when all went well. Works on
# any file system, so that a failure can be told from a mistake of this script. What is not
# installed is skipped with a word. Ends with 0 when every step that ran was right.
set -u

[[ $# -ge 1 && -d $1 ]] || {
  echo "usage: $0 MOUNT [fio|rsync|git|c|maven|jdk ...]" >&2
  exit 2
}
mount=$(readlink -f "$1")
shift
steps=("$@")
[[ ${#steps[@]} -gt 0 ]] || steps=(fio rsync git c maven jdk)

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../../.." && pwd)
on=$mount/tools-$$
off=$(mktemp -d)
mkdir "$on"
failed=()

# Size of the file of fio, and of each of its parallel ones.
fio_size=${FIO_SIZE:-512m}

have() {
  type -P "$1" >/dev/null || {
    echo "   $1 is not installed: skipped"
    return 1
  }
}

check_fio() {
  have fio || return 0
  local common=(--directory="$on" --thread --group_reporting --output-format=terse
    --terse-version=3 --ioengine=psync --verify=crc32c --verify_fatal=1)
  # Files here are written once: fio may neither lay them out first nor open them again for writing.
  local write=(--create_on_open=1 --fallocate=none --do_verify=0 --end_fsync=1)
  fio "${common[@]}" "${write[@]}" --name=sequential --rw=write --bs=1m --size="$fio_size" |
    awk -F';' '{ printf "   sequential write %d MiB/s\n", $48 / 1024 }'
  [[ ${PIPESTATUS[0]} -eq 0 ]] || return 1
  fio "${common[@]}" "${write[@]}" --name=many --numjobs=4 --rw=write --bs=64k --size=32m \
    >/dev/null || return 1
  # The block size is part of what is verified.
  fio "${common[@]}" --name=sequential --rw=read --bs=1m --size="$fio_size" |
    awk -F';' '{ printf "   sequential read %d MiB/s\n", $7 / 1024 }'
  [[ ${PIPESTATUS[0]} -eq 0 ]] || return 1
  fio "${common[@]}" --name=sequential --rw=randread --bs=1m --size="$fio_size" >/dev/null || return 1
  fio "${common[@]}" --name=many --numjobs=4 --rw=randread --bs=64k --size=32m |
    awk -F';' '{ printf "   random read of 4 x 64 KiB %d MiB/s\n", $7 / 1024 }'
  [[ ${PIPESTATUS[0]} -eq 0 ]] || return 1
  fio "${common[@]}" --ioengine=mmap --name=many --numjobs=4 --rw=read --bs=64k --size=32m \
    >/dev/null || return 1
}

check_rsync() {
  have rsync || return 0
  # Out of this repository: no folders of builds.
  # Permissions and owners are the mount's, times of directories the file system's.
  local differences=(rsync -ai --checksum --omit-dir-times --no-perms --no-owner --no-group --dry-run)
  rsync -a --exclude=target --exclude=.git "$root/" "$off/tree/" &&
    rsync -a --checksum "$off/tree/" "$on/tree/" &&
    [[ -z $("${differences[@]}" "$off/tree/" "$on/tree/") ]] &&
    rsync -a --checksum "$on/tree/" "$off/back/" &&
    diff -r --no-dereference "$off/tree" "$off/back" &&
    [[ -z $("${differences[@]}" "$on/tree/" "$off/back/") ]]
}

check_git() {
  have git || return 0
  git clone -q --no-local "$root" "$on/clone" &&
    git -C "$on/clone" fsck --strict --no-dangling &&
    [[ -z $(git -C "$on/clone" status --porcelain) ]] &&
    git clone -q "$on/clone" "$off/clone" &&
    git -C "$off/clone" fsck --strict --no-dangling &&
    [[ $(git -C "$on/clone" rev-parse HEAD) == $(git -C "$off/clone" rev-parse HEAD) ]] &&
    git -C "$on/clone" gc -q &&
    git -C "$on/clone" fsck --strict --no-dangling
}

check_c() {
  have make && have cc || return 0
  mkdir "$on/c" && cd "$on/c" || return 1
  local i
  for i in $(seq 1 20); do
    printf '#include "all.h"\nint f%d(int x) { return x + %d; }\n' "$i" "$i" >"f$i.c"
  done
  seq 1 20 | sed 's/.*/int f&(int);/' >all.h
  {
    echo '#include "all.h"'
    echo 'int main(void) { int x = 0;'
    seq 1 20 | sed 's/.*/x = f&(x);/'
    echo 'return x != 210; }'
  } >main.c
  printf 'program: main.o %s\n\tcc -o $@ $^\n%%.o: %%.c all.h\n\tcc -O2 -c -o $@ $<\n' \
    "$(seq 1 20 | sed 's/.*/f&.o/' | tr '\n' ' ')" >Makefile
  make -s -j2 program && ./program && [[ $(make -s -q program; echo $?) == 0 ]] &&
    touch all.h && make -s -j2 program && ./program
}

check_maven() {
  have mvn || return 0
  # The module without dependencies, built on the mount itself, tests left out.
  mkdir -p "$on/maven" && cp -r "$root/pom.xml" "$root/.mvn" "$on/maven/" &&
    sed -i '/<module>/{/>core</!d}' "$on/maven/pom.xml" &&
    mkdir "$on/maven/core" && cp -r "$root/core/pom.xml" "$root/core/src" "$on/maven/core/" &&
    (cd "$on/maven" && mvn -o -B -q -DskipTests -Dspotless.check.skip=true package) &&
    jar tf "$on"/maven/core/target/*.jar >/dev/null
}

file_times() {
  (cd "$1" && find . ! -type d -printf '%p %Ts\n' | sort)
}

check_jdk() {
  local home=${JAVA_HOME:-}
  [[ -n $home && -d $home/jmods || -d $home/lib ]] || {
    echo "   JAVA_HOME is not set: skipped"
    return 0
  }
  tar -C "$home" -cf "$off/jdk.tar" . && mkdir "$on/jdk" &&
    tar -C "$on/jdk" -xf "$off/jdk.tar" &&
    diff -r --no-dereference "$home" "$on/jdk" &&
    # Times of files are kept; those of directories belong to the file system.
    diff <(file_times "$home") <(file_times "$on/jdk")
}

for step in "${steps[@]}"; do
  echo "== $step"
  begin=$SECONDS
  if (cd "$off" && "check_$step"); then
    echo "   right, $((SECONDS - begin)) s"
  else
    echo "   WRONG, $((SECONDS - begin)) s"
    failed+=("$step")
  fi
done

if [[ ${#failed[@]} -gt 0 ]]; then
  echo "failed: ${failed[*]}; left for a look: $on $off"
  exit 1
fi
rm -r "$on" "$off"
echo "all right"
