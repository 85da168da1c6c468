#!/bin/sh
# Checks proto/: style, format, compatibility with the last release (a tag v*, or BASE), and that gen/ is what it generates.
set -eu

buf() { node_modules/.bin/buf "$@"; }

buf lint --path proto/halley
buf format -d --exit-code --path proto/halley

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

buf generate -o "$work"
if ! diff -r gen "$work/gen" >"$work/drift"; then
  head -n 20 "$work/drift" >&2
  echo "halley: gen/ is not what proto/ says: run npm run generate and commit it" >&2
  exit 1
fi

base=${BASE:-$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)}
if [ -z "$base" ]; then
  echo "halley: no release to compare the contract with (set BASE to a commit to compare with that)"
  exit 0
fi
mkdir "$work/base"
git archive "$base" proto | tar -x -C "$work/base"
buf build -o "$work/now.binpb" --path proto/halley
cp buf.yaml "$work/base/"
mkdir "$work/base/node_modules"
for package in google-proto-files grpc-health-check @grpc; do
  cp -r "node_modules/$package" "$work/base/node_modules/"
done
(cd "$work/base" && "$OLDPWD/node_modules/.bin/buf" build -o "$work/base.binpb" --path proto/halley)
buf breaking "$work/now.binpb" --against "$work/base.binpb" --exclude-imports
