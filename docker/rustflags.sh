#!/bin/sh
# rustflags.sh: the compiler flags of a static program, for the Makefile and the Dockerfile. On Linux the C library is
# linked in. Two requests to the linker make the program smaller: functions of the same code become one, and the table
# of relocations is packed. Each is made only where a program linked with it starts: lld knows both, other linkers
# and C libraries one or none.
set -eu
static="-C target-feature=+crt-static"
case $(rustc -vV | sed -n 's/^host: //p') in
*-linux-gnu) ;;
*) exit 0 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'fn main() {}' >"$work/probe.rs"

# starts FLAG...: a program linked so starts.
starts() {
    # shellcheck disable=SC2086 # words on purpose
    rustc $static "$@" -o "$work/probe" "$work/probe.rs" 2>/dev/null && "$work/probe"
}

same_code="-C link-arg=-Wl,--icf=all"
relocations="-C link-arg=-Wl,-z,pack-relative-relocs"
flags=$static
# shellcheck disable=SC2086 # words on purpose
if starts $same_code $relocations; then
    flags="$flags $same_code $relocations"
elif starts $same_code; then
    flags="$flags $same_code"
elif starts $relocations; then
    flags="$flags $relocations"
fi
echo "$flags"
