#!/usr/bin/env bash
# Download and create what first_run.sh needs, because the machine with the GPU may have no network.
# Run it in the project's root, on a machine with the project's requirements:
#
#     bash tests/benchmarks/gpu/prepare.sh [FOLDER]
#
# .whl/         wheels that a machine with CUDA, CuPy and pytest may lack
# .gpu/digits/  600 spoken digits for training and 60 for validation, from a copy of the Free Spoken
#               Digit Dataset in FOLDER (or $FSDD), or synthetic without it
#
# PYTHON          runs the scripts (python3)
# PYTHON_VERSION  of the machine with the GPU (3.12)
# MACHINE         its processor (x86_64)
# WHEELS          more packages that it lacks, with their dependencies
# TINY            if set, a tenth of the digits
set -euo pipefail
python="${PYTHON:-python3}" corpus="${1:-${FSDD:-}}"
corpus="${corpus:+$(realpath "$corpus")}"
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

# Versions from requirements.txt; the dependencies of these packages are listed here.
mapfile -t bounded < <(grep -E '^(soundfile|jiwer)[<>=]' requirements.txt)
read -ra more <<<"cffi pycparser rapidfuzz ${WHEELS:-}"
platforms=()
for version in manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014; do
    platforms+=(--platform "${version}_${MACHINE:-x86_64}")
done
rm -rf .whl
"$python" -m pip download -q --no-deps --only-binary=:all: "${platforms[@]}" \
    --implementation cp --python-version "${PYTHON_VERSION:-3.12}" \
    -d .whl "${bounded[@]}" "${more[@]}"

"$python" tests/benchmarks/gpu/digits.py .gpu/digits ${corpus:+--root "$corpus"} ${TINY:+--tiny}
du -shc .whl .gpu/digits
