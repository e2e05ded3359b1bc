#!/bin/sh
# cargo fuzz with these arguments, from the repository's root: with nightly if there is one, else with stable, which has all that is
# needed without a sanitiser. FUZZ_TOOLCHAIN=stable or nightly chooses.
set -eu
if [ -z "${FUZZ_TOOLCHAIN:-}" ]; then
    if rustc +nightly --version >/dev/null 2>&1; then FUZZ_TOOLCHAIN=nightly; else FUZZ_TOOLCHAIN=stable; fi
fi
case $FUZZ_TOOLCHAIN in
    nightly) exec cargo +nightly fuzz "$@" ;;
    *) exec cargo fuzz "$@" ;;
esac
