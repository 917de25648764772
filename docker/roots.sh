#!/bin/sh
# roots.sh PROGRAMS OUT: the root folder of each image, OUT/NAME: the static program, CA certificates,
# licences, bill of materials, an empty /tmp and a folder for the exit message that everybody may write to.
set -eu
programs=$1 out=$2
source=$(dirname "$0")/..
certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
[ -r "$certificates" ] || {
    echo "no CA certificates at $certificates; name a bundle in SSL_CERT_FILE" >&2
    exit 1
}
rm -rf "$out"
for name in merge-job analyzer-job plumbline-model-server; do
    mkdir -p "$out/$name/etc/ssl/certs" "$out/$name/tmp" "$out/$name/opt/ml/output"
    chmod 755 "$out/$name" "$out/$name/etc" "$out/$name/etc/ssl" "$out/$name/etc/ssl/certs"
    chmod 755 "$out/$name/opt" "$out/$name/opt/ml"
    chmod 1777 "$out/$name/tmp" "$out/$name/opt/ml/output"
    install -m 755 "$programs/$name" "$out/$name/$name"
    install -m 644 "$certificates" "$out/$name/etc/ssl/certs/ca-certificates.crt"
    mkdir "$out/$name/licenses"
    install -m 644 "$source/LICENSE" "$out/$name/licenses/"
    "$(dirname "$0")/materials.sh" "$name" >"$out/$name/licenses/materials.cdx.json"
    # A smoke test before anything is packed: the program starts and says who it is.
    "$out/$name/$name" --version
done
# The program holds the fonts of its PDF report.
fonts=$source/analyzer-job/templates/fonts
mkdir "$out/analyzer-job/licenses/fonts"
install -m 644 "$fonts/README.md" "$fonts/OFL.txt" "$out/analyzer-job/licenses/fonts/"
find "$out" -type d -name licenses -exec chmod -R a+rX {} +
