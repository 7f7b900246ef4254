# shellcheck shell=bash
# Sourced by the other scripts: makes the project's own virtual environment in .venv and keeps it in step with a lock.
# Usage: ensure_venv requirements.lock | requirements-dev.lock   (sets PYTHON; the current folder is the project's root)

find_python() {
  local candidate
  for candidate in "${SMSGATE_PYTHON:-}" python3.11 python3.12 python3.13 python3 python; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return 0
    fi
  done
  echo "smsgate needs Python 3.11 or later, and none was found on the path. On Debian: apt install python3 python3-venv" >&2
  return 1
}

ensure_venv() {
  local lock=$1 python stamp wanted
  python=$(find_python) || exit 69
  PYTHON=$PWD/.venv/bin/python
  stamp=.venv/.installed
  wanted=$("$python" -c 'import hashlib, sys
print(sys.argv[1], hashlib.sha256(b"".join(open(f, "rb").read() for f in sys.argv[1:])).hexdigest())' "$lock" pyproject.toml)
  # The development lock holds all of the runtime lock: an environment made for tests serves the demo too.
  if [ -x "$PYTHON" ] && [ -f "$stamp" ] && grep -qxF "$wanted" "$stamp"; then
    return 0
  fi
  (
    # two scripts started at once must not both build it
    flock 9
    if [ -x "$PYTHON" ] && [ -f "$stamp" ] && grep -qxF "$wanted" "$stamp"; then exit 0; fi
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
      echo "This Python has no venv module. On Debian: apt install python3-venv" >&2
      exit 69
    fi
    echo "smsgate: preparing .venv from $lock (once; this takes about a minute) ..." >&2
    [ -x "$PYTHON" ] || "$python" -m venv .venv
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" >&2
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . >&2
    echo "$wanted" >> "$stamp"
  ) 9>.venv.lock || exit 69
}
