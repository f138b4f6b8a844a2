#!/bin/sh
# Prints a Python 3.11 that has a module: `sh find-python.sh pip`. AWS Lambda runs the functions with
# 3.11, so a build needs that version, whatever runs the rest. PYTHON names one; else it is looked for
# on the PATH, among pyenv's and uv's; and uv, where there is one, gets it.
module=$1

fits() {
    "$1" -c "import sys, $module; sys.exit(sys.version_info[:2] != (3, 11))" >/dev/null 2>&1
}

if [ -n "$PYTHON" ]; then
    fits "$PYTHON" && { echo "$PYTHON"; exit; }
    echo "PYTHON is $PYTHON, and that is no Python 3.11 with the module $module: let PYTHON name one, or unset it, and one is looked for." >&2
    exit 1
fi

# Every folder of the PATH: the first Python 3.11 there may be one without the module.
IFS=:
for folder in $PATH; do
    for one in "$folder/python3.11" "$folder/python3"; do
        fits "$one" && { echo "$one"; exit; }
    done
done
unset IFS
for one in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.11*/bin/python3.11; do
    fits "$one" && { echo "$one"; exit; }
done

uv=$(command -v uv || echo "$HOME/.local/bin/uv")
if [ -x "$uv" ]; then
    one=$("$uv" python find --managed-python 3.11 2>/dev/null)
    if [ -z "$one" ]; then
        echo "No Python 3.11 with the module $module was found: uv gets one…" >&2
        "$uv" python install --quiet 3.11 >&2 && one=$("$uv" python find --managed-python 3.11 2>/dev/null)
    fi
    [ -n "$one" ] && fits "$one" && { echo "$one"; exit; }
fi

cat >&2 <<END
Python 3.11 with the module $module is needed to build the functions, and none was found: on the PATH, among
pyenv's, or by uv. One of these gets it:
  uv python install 3.11                                        (https://docs.astral.sh/uv/)
  pyenv install 3.11
  apt install python3.11 python3.11-venv python3-pip            (Debian 12)
  brew install python@3.11                                      (macOS)
PYTHON=/path/to/python3.11 names one that is elsewhere.
END
exit 1
