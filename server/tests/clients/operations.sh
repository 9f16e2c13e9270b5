# Operations of a client that is a program: `check NAME COMMAND…` runs a function and prints `ok NAME` or `fail NAME: reason`.
#
# A function fails by failing, or by `same FOUND EXPECTED`; what it printed is the reason.

set -u
failed=0

check() {
  local name=$1 reason
  shift
  if reason=$(set -e; "$@" 2>&1); then
    echo "ok $name"
  else
    failed=1
    reason=$(echo "$reason" | tr -s '\n\t ' ' ' | cut -c1-600)
    echo "fail $name: $reason"
  fi
}

same() {
  [ "$1" == "$2" ] || { echo "found '$1', expected '$2'"; return 1; }
}

has() {
  case "$1" in
  *"$2"*) ;;
  *) echo "'$2' is not in: $1"; return 1 ;;
  esac
}

expected() {
  awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$CLIENTS_EXPECTED"
}

# Runs a command, which must fail and say this.
fails() {
  local says=$1 output
  shift
  if output=$("$@" 2>&1); then
    echo "no failure: $output"
    return 1
  fi
  has "$output" "$says"
}
