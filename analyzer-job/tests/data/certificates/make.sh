#!/bin/sh
# make.sh: makes the certificates of tests/analyzer_job/certificates.rs anew (OpenSSL): an authority, another one that nobody
# trusts, and one key with certificates that are good, expired, of another host, and of the other authority.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/ca.cnf" <<END
[ca]
default_ca = here
[here]
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
END
: >"$work/index"
echo 01 >"$work/serial"
new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

for name in authority stranger; do
    new_key "$work/$name.key"
    openssl req -x509 -new -key "$work/$name.key" -days 36500 -subj "/CN=Plumbline tests, $name" -out "$work/$name.pem"
done
cp "$work/authority.pem" authority.pem
new_key key.pem
openssl req -new -key key.pem -subj "/CN=Plumbline tests" -out "$work/request.pem"

# certificate NAME AUTHORITY HOST END
certificate() {
    echo "subjectAltName = $3" >"$work/extensions"
    openssl ca -batch -notext -config "$work/ca.cnf" -cert "$work/$2.pem" -keyfile "$work/$2.key" -in "$work/request.pem" \
        -extfile "$work/extensions" -startdate 20200101000000Z -enddate "$4" -out "$1.pem" 2>"$work/log" || cat "$work/log"
}
certificate good authority IP:127.0.0.1 21200101000000Z
certificate expired authority IP:127.0.0.1 20200201000000Z
certificate other-host authority DNS:model.example 21200101000000Z
certificate stranger stranger IP:127.0.0.1 21200101000000Z
