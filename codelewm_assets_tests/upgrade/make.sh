#!/usr/bin/env bash
# A store and an instance as a released version writes them: make.sh TAG PYTHON, where PYTHON has that version's packages.
# Leaves first_version.tar.xz here. Run as root: the machine gets another name while it builds, so that its own is not kept.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tag=$1 python=$2 home=/tmp/first_version code=$(mktemp -d)
rm -rf "$home"
mkdir "$home"
trap 'git -C "$here" worktree remove --force "$code/source"' EXIT
git -C "$here" worktree add --detach "$code/source" "$tag"
cp "$code/source/dagster.yaml" "$here/profile.yaml" "$home/"
cd "$home"
export DAGSTER_HOME=$home CODELEWM_ARTIFACTS=$home/artifacts PYTHONPATH=$code/source python
unshare --uts bash -c 'hostname builder && exec "$python" -m codelewm_assets.cli build --profile profile.yaml'
rm -rf .dagster/compute_logs artifacts/partial
tar --sort=name --owner=0 --group=0 --mtime=@0 -cJf "$here/first_version.tar.xz" artifacts .dagster dagster.yaml profile.yaml
