#!/bin/sh
# materials.sh PROGRAM: its bill of materials, as CycloneDX 1.5: the crates that are linked into it, with version, licence and
# the hash that Cargo.lock holds the source against.
set -eu
cd "$(dirname "$0")/.."
cargo tree --locked --package "$1" --edges normal,no-proc-macro --target x86_64-unknown-linux-gnu --prefix none \
    --no-dedupe --format '{p}|{l}' | sed 's/ ([^|]*|/|/; s/ v\([^ |]*\)|/|\1|/' | sort -u |
    awk -F'|' -v program="$1" '
        # Cargo.lock: a block for each crate.
        FILENAME == "Cargo.lock" {
            split($0, words, "\"")
            if (/^name = /) name = words[2]
            if (/^version = /) version = words[2]
            if (/^checksum = /) hash[name "|" version] = words[2]
            next
        }
        {
            gsub("/", " OR ", $3)
            one = sprintf("{\"type\": \"%s\", \"name\": \"%s\", \"version\": \"%s\", \"purl\": \"pkg:cargo/%s@%s\", ",
                $1 == program ? "application" : "library", $1, $2, $1, $2)
            if (($1 "|" $2) in hash)
                one = one sprintf("\"hashes\": [{\"alg\": \"SHA-256\", \"content\": \"%s\"}], ", hash[$1 "|" $2])
            one = one sprintf("\"licenses\": [{\"expression\": \"%s\"}]}", $3)
            if ($1 == program) own = one; else parts = parts (parts == "" ? "" : ",\n    ") one
        }
        END {
            printf "{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,\n"
            printf "  \"metadata\": {\"component\": %s},\n  \"components\": [\n    %s\n  ]\n}\n", own, parts
        }' Cargo.lock -
