#!/bin/sh
# venv.sh FOLDER: make a virtual environment with $PYTHON. Runs before there is one, so it needs nothing but a shell.
# Debian and Ubuntu ship python3 without the module that makes environments; that is the usual fault on a fresh machine.
set -eu
folder=$1
python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null 2>&1; then
    echo "error: $python is not installed; Quarterdeck needs Python 3.11 or newer: apt-get install python3 python3-venv" >&2
    exit 4
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "error: $python is $("$python" --version 2>&1); Quarterdeck needs Python 3.11 or newer." >&2
    echo "Name another one: make run PYTHON=/path/to/python3.11" >&2
    exit 4
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    echo "-- install $package, because $python cannot make virtual environments without it"
    if [ -t 0 ]; then
        printf 'Install it with apt-get? [Y/n] '
        read -r answer
        case $answer in '' | y | Y | yes) ;; *) exit 4 ;; esac
    fi
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "error: this is not Debian or Ubuntu; install the venv and ensurepip modules of $python yourself." >&2
        exit 4
    elif [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        as_root=sudo
    else
        echo "error: that needs root. Run: su -c 'apt-get install $package'" >&2
        exit 4
    fi
    $as_root apt-get -qq update
    $as_root apt-get -qq -y --no-install-recommends install "$package"
fi
exec "$python" -m venv "$folder"
