#!/bin/sh
# materials.sh PROGRAM: its bill of materials, as CycloneDX 1.5: the crates that are linked into it, with version, licence and
# the hash that Cargo.lock holds the source against, and what else is in the program: the standard library, the C library, C code
# that a crate brings, fonts. tests/dependencies.py holds it against what cargo knows.
set -eu
cd "$(dirname "$0")/.."
program=$1

# others: TYPE|NAME|VERSION|LICENCE|SHA-256 of what is no crate of this program.
others() {
    echo "library|rust-std|$(rustc --version | cut -d' ' -f2)|MIT OR Apache-2.0|"
    echo "library|glibc|$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)|LGPL-2.1-or-later|"
    cargo tree --locked --package "$program" --edges normal --target x86_64-unknown-linux-gnu --prefix none |
        sed -n 's/^zstd-sys v[^ ]*+zstd\.\([0-9.]*\).*/library|zstd|\1|BSD-3-Clause OR GPL-2.0-only|/p' | sort -u
    [ "$program" = analyzer-job ] || return 0
    for font in analyzer-job/templates/fonts/*.[ot]t*; do
        case $font in
        *wqy*) licence=Apache-2.0 ;;
        *) licence=OFL-1.1 ;;
        esac
        echo "file|$(basename "$font")||$licence|$(sha256sum "$font" | cut -d' ' -f1)"
    done
}

{
    others
    cargo tree --locked --package "$program" --edges normal,no-proc-macro --target x86_64-unknown-linux-gnu --prefix none \
        --no-dedupe --format '{p}|{l}' | sed 's/ ([^|]*|/|/; s/ v\([^ |]*\)|/|\1|/; s/^/crate|/; s/$/|/' | sort -u
} |
    awk -F'|' -v program="$program" '
        # Cargo.lock: a block for each crate.
        FILENAME == "Cargo.lock" {
            split($0, words, "\"")
            if (/^name = /) name = words[2]
            if (/^version = /) version = words[2]
            if (/^checksum = /) hash[name "|" version] = words[2]
            next
        }
        {
            gsub(" */ *", " OR ", $4)
            is_own = $1 == "crate" && $2 == program
            type = is_own ? "application" : $1 == "crate" ? "library" : $1
            sum = $1 == "crate" ? hash[$2 "|" $3] : $5
            one = sprintf("{\"type\": \"%s\", \"name\": \"%s\", ", type, $2)
            if ($3 != "") one = one sprintf("\"version\": \"%s\", ", $3)
            if ($1 == "crate") one = one sprintf("\"purl\": \"pkg:cargo/%s@%s\", ", $2, $3)
            if (sum != "") one = one sprintf("\"hashes\": [{\"alg\": \"SHA-256\", \"content\": \"%s\"}], ", sum)
            one = one sprintf("\"licenses\": [{\"expression\": \"%s\"}]}", $4)
            if (is_own) own = one; else parts = parts (parts == "" ? "" : ",\n    ") one
        }
        END {
            printf "{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,\n"
            printf "  \"metadata\": {\"component\": %s},\n  \"components\": [\n    %s\n  ]\n}\n", own, parts
        }' Cargo.lock -
