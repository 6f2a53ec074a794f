#!/usr/bin/env bash
# Builds the wheel, installs it in a clean environment and uses it from another folder.
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python -m build --wheel --outdir "$work/dist" "$root" >/dev/null
python -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q --disable-pip-version-check "$work"/dist/*.whl
cp "$root/firmware_examples/keyword_spotting/keyword_spotting.tflite" "$work/"
cd "$work"
venv/bin/edgegen boards >/dev/null
venv/bin/edgegen build keyword_spotting.tflite --board nrf52840
venv/bin/edgegen verify keyword_spotting.tflite
for kind in cmake platformio arduino zephyr; do
    venv/bin/edgegen new-project keyword_spotting --board pico --kind "$kind" -o "words_$kind" >/dev/null
done
echo "the wheel works"
