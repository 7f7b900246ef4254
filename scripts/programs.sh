# shellcheck shell=bash
# Sourced by scripts/test and .ci/run: the Debian programs that tests and benchmarks run beside our own code.

# program and the Debian package that has it
PROGRAMS="
gammu gammu
gammu-smsd gammu-smsd
smsd smstools
bearerbox kannel
smsbox kannel
strace strace
scdoc scdoc
mandoc mandoc
systemd-analyze systemd
shellcheck shellcheck
"

# The packages of those that are not installed, on one line.
missing_packages() {
  local program package absent=()
  while read -r program package; do
    [ -z "$program" ] || PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null 2>&1 || absent+=("$package")
  done <<<"$PROGRAMS"
  echo "${absent[*]-}"
}
