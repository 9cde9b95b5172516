#!/bin/sh
# Delivers a tenant's config template: what the init container of a base runs.
#
#   BERTH_BUNDLE         s3://<bucket>/bundles/<digest>.tar; Berth sets it. Empty if the tenant has no template
#   BERTH_BUNDLE_SHA256  what the digest of that archive must be; Berth sets it
#   BERTH_CONFIG_DIR     where config.yaml and prompts/ go, on a volume that the main container mounts too: /workspace
#
# It ends with 0 once the template's files are in place, and only then may the main container start. Whatever is wrong with the
# bundle, it ends with 1 before any file has been changed. A path that the template has is the template's: what is there is
# replaced. What an earlier delivery put there and the template has no more is removed. Everything else is the tenant's own.
#
# The tenant writes to the same volume. So nothing here follows a link that lies there, nor believes the list of what was
# delivered (.berth/delivered) beyond paths that a template may have.
set -eu
LC_ALL=C
export LC_ALL
umask 022

target=${BERTH_CONFIG_DIR:-/workspace}
own=$target/.berth
staging=$own/staging
delivered=$own/delivered

fail() {
    echo "berth-config: $*" >&2
    exit 1
}

# A template may have this path.
legal() {
    case /$1/ in
        */../* | */./* | *//*) return 1 ;;
    esac
    case $1 in
        *[!A-Za-z0-9._/-]*) return 1 ;;
        config.yaml | prompts/?*) return 0 ;;
    esac
    return 1
}

# Each folder that this path is in is a folder or nothing, and no link.
plain() {
    folder=$1
    while :; do
        case $folder in
            */*) folder=${folder%/*} ;;
            *) return 0 ;;
        esac
        if [ -L "$target/$folder" ] || { [ -e "$target/$folder" ] && [ ! -d "$target/$folder" ]; }; then
            return 1
        fi
    done
}

listed() {
    grep -qxF -e "$1" "$2"
}

# Unpacks the bundle, and lists its files.
unpack() {
    [ -n "${BERTH_BUNDLE_SHA256:-}" ] || fail "BERTH_BUNDLE_SHA256 is not set"
    aws s3 cp --only-show-errors "$BERTH_BUNDLE" "$staging/bundle" || fail "$BERTH_BUNDLE could not be fetched"
    digest=$(sha256sum <"$staging/bundle")
    digest=${digest%% *}
    [ "$digest" = "$BERTH_BUNDLE_SHA256" ] || fail "$BERTH_BUNDLE has the digest $digest, not $BERTH_BUNDLE_SHA256"
    tar -tvf "$staging/bundle" >"$staging/types" || fail "$BERTH_BUNDLE is no archive"
    # The tar of busybox shows a hard link as a regular file with an arrow.
    if grep -q -e '^[^-]' -e ' -> ' "$staging/types"; then
        fail "$BERTH_BUNDLE has something in it that is no regular file"
    fi
    tar -tf "$staging/bundle" >"$staging/files"
    while IFS= read -r path; do
        legal "$path" || fail "$BERTH_BUNDLE has $path in it, which no template may have"
    done <"$staging/files"
    mkdir "$staging/unpacked"
    # -o: the files are those of whoever runs this; an EFS access point has its own idea of that anyway.
    tar -xof "$staging/bundle" -C "$staging/unpacked" || fail "$BERTH_BUNDLE could not be unpacked"
}

# Nothing of the tenant's own is in the way: a folder where a file should be, or a link or a file where a folder should be.
check() {
    while IFS= read -r path; do
        if [ -d "$target/$path" ] && [ ! -L "$target/$path" ] && ! grep -q "^$path/" "$delivered"; then
            fail "$target/$path is a folder, and the template has a file of that name"
        fi
        plain "$path" || listed "$folder" "$delivered" || fail "$target/$folder is no folder, and the template has one of that name"
    done <"$staging/files"
}

# Removes what was delivered before and is not in the template any more.
remove() {
    while IFS= read -r path; do
        if legal "$path" && ! listed "$path" "$staging/files" && plain "$path"; then
            [ -d "$target/$path" ] && [ ! -L "$target/$path" ] && continue
            rm -f "$target/$path"
            while [ "${path%/*}" != "$path" ]; do
                path=${path%/*}
                rmdir "$target/$path" 2>/dev/null || break
            done
        fi
    done <"$staging/before"
}

# Puts each file in its place at once, by a rename.
install() {
    while IFS= read -r path; do
        plain "$path" || fail "$target/$folder is no folder any more"
        case $path in
            */*) mkdir -p "$target/${path%/*}" ;;
        esac
        if [ -d "$target/$path" ] && [ ! -L "$target/$path" ]; then
            fail "$target/$path still has files of the tenant's in it"
        fi
        mv -f "$staging/unpacked/$path" "$target/$path"
    done <"$staging/files"
}

if [ -L "$own" ] || [ ! -d "$own" ]; then
    rm -f "$own"
    mkdir -p "$own"
fi
rm -rf "$staging"
mkdir "$staging"
trap 'rm -rf "$staging"' EXIT
if [ -L "$delivered" ] || [ ! -f "$delivered" ]; then
    rm -rf "$delivered"
    : >"$delivered"
fi
: >"$staging/files"
if [ -n "${BERTH_BUNDLE:-}" ]; then
    unpack
fi
check
cp "$delivered" "$staging/before"
# Whoever ends here, between two lines, is followed by one who knows of the files of both.
sort -u "$staging/before" "$staging/files" >"$staging/both"
mv -f "$staging/both" "$delivered"
remove
install
mv -f "$staging/files" "$delivered"
