#!/usr/bin/env bash
# Sees to a Chromium for the browser tests. Never fails: without one they are skipped, and counted.
set -uo pipefail

runs() { command -v "$1" >/dev/null && "$1" --version >/dev/null 2>&1; }
found() {
    for candidate in ${CHROMIUM:-} chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
        if runs "$candidate"; then return; fi
    done
    return 1
}
found && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests (about 100 MB) …"
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -qq >"$log" 2>&1 &&
        apt-get install -y -qq --no-install-recommends chromium >>"$log" 2>&1 && found; then
        rm -f "$log"
        exit 0
    fi
    tail -n 5 "$log"
    rm -f "$log"
fi
echo "No Chromium here: the browser tests will be skipped. To run them:"
echo "  Debian: apt-get install -y chromium      macOS: brew install --cask chromium"
exit 0
