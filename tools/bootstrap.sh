#!/usr/bin/env bash
# Makes a virtual environment and installs one lock into it, with hashes.
#
#   tools/bootstrap.sh .venv demo       requirements/demo.txt into .venv, then .venv/.stamp-demo
#
# Needs Python 3.11 or newer with venv or pip, and a package registry; no root rights. What pip is
# told about registry and certificates (PIP_INDEX_URL, PIP_CERT, pip.conf) holds for uv as well.
set -euo pipefail

venv=$1
name=$2
uv_version=0.13.9
python_bin=$venv/bin/python
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

say() { printf '%s\n' "$*"; }
fail() { printf '\n%s\n' "$*" >&2; exit 1; }

# Who tests here goes on to have the tools of the tests: the demo's lock is a part of theirs.
[ "$name" != demo ] || [ ! -e "$venv/.stamp-dev" ] || name=dev
lock=requirements/$name.txt
stamp=$venv/.stamp-$name
contents=$(cksum < "$lock")

finish() {
    printf '%s\n' "$contents" > "$stamp"
    # Newer than any file that make compares it with, also when git has only touched the lock.
    [ "$name" != dev ] || cp "$stamp" "$venv/.stamp-demo"
    exit 0
}
if [ -x "$python_bin" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$contents" ]; then finish; fi

find_python() {
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        # Asking it to run, since a name may be a wrapper around nothing (pyenv, macOS).
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}
python=$(find_python) || fail "Python 3.11 or newer is needed, and none was found.
Debian 12, Ubuntu 24.04 or newer:  apt-get install -y python3 python3-venv
macOS:                             brew install python@3.13
Another place:                     make PYTHON=/path/to/python3"

# uv installs the lock in seconds where pip takes a minute. Debian's python3 comes without
# ensurepip (then `python3 -m venv` fails, and leaves a broken folder), or with a pip that refuses
# to install beside the system's packages, though not into a folder of its own.
find_uv() {
    if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then uv=uv; return; fi
    uv=$PWD/.tools/uv/bin/uv
    if [ "$("$uv" --version 2>/dev/null | cut -d ' ' -f 2)" = "$uv_version" ]; then return; fi
    say "Installing uv $uv_version, which installs the rest …"
    rm -rf .tools/uv
    if "$python" -m venv .tools/uv >/dev/null 2>&1; then
        .tools/uv/bin/python -m pip install --quiet "uv==$uv_version"
    elif rm -rf .tools/uv && "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip install --quiet --target .tools/uv "uv==$uv_version"
    else
        fail "$python has neither venv nor pip. On Debian and Ubuntu, one line helps:
apt-get install -y python3-venv"
    fi
}
find_uv

# uv doesn't read pip's settings.
pip_setting() { "$python" -m pip config get "global.$1" 2>/dev/null || true; }
index=${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-${PIP_INDEX_URL:-$(pip_setting index-url)}}}
[ -z "$index" ] || export UV_DEFAULT_INDEX=$index
certificates=${SSL_CERT_FILE:-${PIP_CERT:-$(pip_setting cert)}}
[ -z "$certificates" ] || export SSL_CERT_FILE=$certificates

started=$SECONDS
say "Installing $(grep -c '^[a-z0-9].*==' "$lock") packages of $lock into $venv …"
# A stamp only stands for what is complete. The old ones go first: a run that stops half-way must
# not leave one behind.
rm -f "$venv"/.stamp-*
"$uv" venv --quiet --allow-existing --python "$python" "$venv"
# uv says what it downloads and how far it is; its list of 80 names would hide that.
"$uv" pip sync --require-hashes --python "$python_bin" "$lock" 2>&1 |
    { grep -v '^ [-+~] ' || true; } || fail \
    "The packages couldn't be installed; the lines above say why. \`make\` again goes on from here."
say "Installed in $((SECONDS - started)) s."
finish
