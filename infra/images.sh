#!/usr/bin/env bash
# Builds the images from their Dockerfiles without an engine, and starts them from their file systems: read-only, as nobody, with the
# fleet's settings, SQS and DynamoDB emulated on loopback.
#
#   infra/images.sh [ingress|worker|tools]...
#
# Needs root, buildah, python3 with venv and network access to the package registries. The Rust of the Dockerfiles is pulled; where it
# can't be, debootstrap makes that base of Debian's packages and this machine's Rust. Half an hour for all three on two cores; what
# it makes stays in target/infra/images, 15 GB.
#
# The last lines, one for each image: MB that are pulled (compressed) and that they unpack to, milliseconds from the start until it
# is ready (the median of 21), and for the tools what `demo` found in the image.
set -euo pipefail
cd "$(dirname "$0")/.."
for needed in buildah python3 unshare; do
    command -v "$needed" >/dev/null || { echo "$needed is missing: install it (Debian: apt-get install buildah python3-venv util-linux)" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "mounting an image's file system needs root" >&2; exit 1; }
[ $# -gt 0 ] || set -- ingress worker tools

home=$PWD/target/infra/images
mkdir -p "$home"
images() { buildah --root "$home/store" --runroot "$home/run" "$@"; }

rust=$(sed -n 's/^ARG RUST=//p' Dockerfile.worker)
base=docker.io/library/rust:$rust
if ! images inspect --type image "$base" >/dev/null 2>&1 && ! timeout 300 images pull --quiet "$base" 2>/dev/null; then
    case $(rustc --version) in
        "rustc ${rust%%-*} "*) ;;
        *) echo "$base can't be pulled, and this machine's Rust is another: $(rustc --version)" >&2; exit 1 ;;
    esac
    echo "$base can't be pulled: making it of Debian's packages and $(rustc --version)"
    debootstrap --variant=minbase --include=ca-certificates,gcc,g++,make,libc6-dev,git,pkg-config "${rust#*-}" "$home/base" >"$home/debootstrap.log" 2>&1 ||
        { tail -5 "$home/debootstrap.log" >&2; exit 1; }
    # What vouches for the registries here does so in there.
    cp /etc/ssl/certs/ca-certificates.crt "$home/base/etc/ssl/certs/"
    mkdir -p "$home/base/usr/local/rustup" "$home/base/usr/local/cargo/bin"
    cp -a "$(rustc --print sysroot)/." "$home/base/usr/local/rustup/"
    made=$(images from scratch)
    images add --quiet "$made" "$home/base" / >/dev/null
    images config --env PATH=/usr/local/rustup/bin:/usr/local/cargo/bin:/usr/bin:/bin --env CARGO_HOME=/usr/local/cargo "$made"
    images commit --quiet --rm "$made" "$base" >/dev/null
    rm -rf "$home/base"
fi

if [ ! -f "$home/tools/complete" ]; then
    python3 -m venv --clear "$home/tools"
    "$home/tools/bin/pip" install --quiet ministack==1.5.33 boto3==1.43.106
    touch "$home/tools/complete"
fi
revision=$(git rev-parse HEAD)
lines=
for image; do
    case $image in
        ingress) file=Dockerfile.ingress ;;
        worker | tools) file=Dockerfile.worker ;;
        *) sed -n '2,14p' "infra/${0##*/}" >&2; exit 2 ;;
    esac
    name=localhost/eco-coder/$image
    stage=
    [ "$file" = Dockerfile.ingress ] || stage=$image
    images bud --isolation chroot --layers --pull-never --file "$file" ${stage:+--target "$stage"} \
        --build-arg REVISION="$revision" --tag "$name" . >"$home/$image.log" 2>&1 || { tail -20 "$home/$image.log" >&2; exit 1; }
    rm -rf "$home/pushed"
    images push --quiet "$name" "oci:$home/pushed" >/dev/null
    container=$(images from --pull-never "$name")
    images inspect --type image --format '{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Labels}}' "$name"
    line="image=$image pulled_mb=$(du --bytes --summarize "$home/pushed/blobs" | awk '{printf "%.1f", $1 / 1e6}')"
    root=$(images mount "$container")
    line+=" unpacked_mb=$(du --bytes --summarize "$root" | awk '{printf "%.1f", $1 / 1e6}')"
    if [ "$image" = tools ]; then
        # The demo writes beside nothing: to a directory that is there for as long as it runs.
        found=$(images run --isolation chroot --user 65532:65532 --mount type=tmpfs,destination=/tmp "$container" -- /eco-coder demo --format json |
            python3 -c 'import json, sys; print(len(json.load(sys.stdin)["findings"]))')
        line+=" demo_findings=$found"
    else
        line+=" ready_ms=$(unshare --mount "$home/tools/bin/python" infra/images.py "$image" "$root" "$home/tools/bin/ministack")"
    fi
    images umount "$container" >/dev/null
    images rm "$container" >/dev/null
    lines+=$line$'\n'
done
printf '%s' "$lines"
