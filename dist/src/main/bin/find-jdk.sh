# Sourced by the launchers: find_jdk sets EGGS_JDK to the home of a JDK of at least version 25.
# Order: EGGS_JAVA_HOME, JAVA_HOME, `java` on the PATH, the usual installation folders. Versions are
# read from the `release` file of each JDK, since starting one to ask costs more than a command.

EGGS_JDK_VERSION_MIN=25

# Prints nothing, succeeds when $1 is a JDK home of a sufficient version.
eggs_jdk_fits() {
  local home=$1 line version=
  [[ -x $home/bin/java && -r $home/release ]] || return 1
  while IFS= read -r line; do
    if [[ $line == JAVA_VERSION=* ]]; then
      version=${line#JAVA_VERSION=}
      version=${version//\"/}
      break
    fi
  done <"$home/release"
  version=${version%%[!0-9]*}
  [[ -n $version ]] && ((version >= EGGS_JDK_VERSION_MIN))
}

find_jdk() {
  local candidate java_on_path
  local -a candidates=()
  [[ -n ${EGGS_JAVA_HOME:-} ]] && candidates+=("$EGGS_JAVA_HOME")
  [[ -n ${JAVA_HOME:-} ]] && candidates+=("$JAVA_HOME")
  if java_on_path=$(type -P java); then
    java_on_path=$(readlink -f -- "$java_on_path" 2>/dev/null || printf '%s' "$java_on_path")
    candidates+=("${java_on_path%/bin/java}")
  fi
  candidates+=(/usr/lib/jvm/* /usr/java/* /opt/java/* /opt/jdk* /Library/Java/JavaVirtualMachines/*/Contents/Home)
  if [[ -n ${HOME:-} ]]; then
    candidates+=("$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/*)
  fi
  for candidate in "${candidates[@]}"; do
    if eggs_jdk_fits "$candidate"; then
      EGGS_JDK=$candidate
      return 0
    fi
  done
  echo "eggs: no JDK of version $EGGS_JDK_VERSION_MIN or newer found (looked at EGGS_JAVA_HOME, JAVA_HOME, java on the PATH, /usr/lib/jvm)." >&2
  echo "eggs: install one (Debian: apt-get install openjdk-25-jdk-headless; or https://adoptium.net) or set EGGS_JAVA_HOME to its folder." >&2
  return 1
}
