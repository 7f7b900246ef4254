# shellcheck shell=bash
# Sourced by the other scripts: makes the project's own virtual environment in .venv and keeps it in step with a lock.
# Usage: ensure_venv requirements.lock | requirements-dev.lock   (sets PYTHON; the current folder is the project's root)

# Python 3.11 or later, one that can make virtual environments if there is any.
find_python() {
  local candidate without_venv=""
  for candidate in "${SMSGATE_PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3 python; do
    [ -n "$candidate" ] || continue
    command -v "$candidate" >/dev/null 2>&1 || continue
    "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    if "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
      command -v "$candidate"
      return 0
    fi
    without_venv=$candidate
  done
  if [ -n "$without_venv" ]; then
    echo "smsgate: $without_venv has no venv module. On Debian: apt install python3-venv" >&2
  else
    echo "smsgate: Python 3.11 or later is needed, and none is on the path. On Debian: apt install python3 python3-venv" >&2
  fi
  return 69
}

# One line that changes whenever what should be installed changes: the locks, the project's own list, its place.
wanted_stamp() {
  "$1" -c 'import hashlib, os, sys
digest = hashlib.sha256(os.getcwd().encode())
for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
    digest.update(open(name, "rb").read())
print(sys.argv[1], digest.hexdigest())' "$2"
}

is_installed() {
  [ -f .venv/.installed ] && grep -qxF "$1" .venv/.installed && "$PYTHON" -c '' 2>/dev/null
}

# Runs pip quietly: its talk is shown only when it fails.
run_pip() {
  local log
  log=$(mktemp)
  if "$PYTHON" -m pip --disable-pip-version-check --no-input "$@" >"$log" 2>&1 </dev/null; then
    rm -f "$log"
    return 0
  fi
  grep -v '^Ignoring ' "$log" | tail -n 10 >&2
  if grep -qE 'NewConnectionError|name resolution|ConnectTimeout|Network is unreachable|ProxyError|No matching distribution' "$log"; then
    echo "smsgate: the packages could not be fetched: see that this machine reaches its package index, then run this again." >&2
  elif grep -q 'No space left' "$log"; then
    echo "smsgate: the disk is full; about 250 MB are needed for .venv." >&2
  else
    echo "smsgate: installing the packages failed; the reason is in the lines above." >&2
  fi
  rm -f "$log"
  return 1
}

build_venv() {
  local python=$1 lock=$2 wanted=$3
  # half made, from a Python that is gone, or copied from elsewhere: made anew
  if [ -e .venv ] && ! "$PYTHON" -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    rm -rf .venv
  fi
  if [ ! -e .venv ]; then
    echo "smsgate: making .venv and installing $lock into it (once; about a minute) ..." >&2
    "$python" -m venv .venv >&2 || { rm -rf .venv; return 1; }
  else
    echo "smsgate: bringing .venv in step with $lock ..." >&2
  fi
  run_pip install --require-hashes -r "$lock" || return 1
  run_pip install --no-deps --no-build-isolation -e . || return 1
  # Only what was installed from these very locks still counts; the development lock contains the other one.
  {
    grep -F "${wanted#* }" .venv/.installed 2>/dev/null
    echo "$wanted"
    [ "$lock" != requirements-dev.lock ] || echo "requirements.lock ${wanted#* }"
  } | sort -u >.venv/.installed.new
  mv .venv/.installed.new .venv/.installed
}

ensure_venv() {
  local lock=$1 python wanted
  python=$(find_python) || exit 69
  PYTHON=$PWD/.venv/bin/python
  wanted=$(wanted_stamp "$python" "$lock") || exit 69
  ! is_installed "$wanted" || return 0
  (
    # two scripts started at once must not both build it
    ! command -v flock >/dev/null 2>&1 || flock 9
    is_installed "$wanted" || build_venv "$python" "$lock" "$wanted"
  ) 9>.venv.lock || exit 69
}
