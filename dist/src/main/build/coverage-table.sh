#!/bin/bash
# Prints lines and branches by package from the report of `./eggs test -Pcoverage`, as a table in
# Markdown. Usage: coverage-table.sh [PATTERN], an extended regular expression that package names must
# match; by default the state machines and the servers around them.
set -eu

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../.." && pwd)
report=$root/dist/target/site/jacoco-aggregate/jacoco.csv
pattern=${1:-'[.](shard|cdc|shuckle)[.](state|server)$'}

if [[ ! -r $report ]]; then
  echo "coverage-table: no $report; run ./eggs test -Pcoverage first" >&2
  exit 1
fi

echo "| package | lines | branches |"
echo "|---|---|---|"
# Columns: group, package, class, instructions missed and covered, branches, lines, ...
awk -F, -v pattern="$pattern" '
  function share(covered, missed) {
    if (covered + missed == 0) return "-"
    return sprintf("%.1f %% (%d of %d)", 100 * covered / (covered + missed), covered, covered + missed)
  }
  NR > 1 && $2 ~ pattern {
    branchesMissed[$2] += $6; branches[$2] += $7; linesMissed[$2] += $8; lines[$2] += $9
  }
  END {
    for (package in lines) {
      row = "| `" package "` | " share(lines[package], linesMissed[package])
      print row " | " share(branches[package], branchesMissed[package]) " |"
    }
  }' "$report" | sort
