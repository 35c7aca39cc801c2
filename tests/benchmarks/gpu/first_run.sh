#!/usr/bin/env bash
# The first run on a GPU, in the project's root, after prepare.sh:
#
#     bash tests/benchmarks/gpu/first_run.sh
#
# Each part has a time limit (exit code 124: time out); if one fails, the others go on.
# The exit code is 1 if any failed.
#
# OUT        folder of the results (.gpu/out)
# PYTHON     runs everything (python3)
# PROCESSES  number of processes for the tests (8)
# SLOWER     factor for all time limits (1)
# TINY       if set, small sizes, to try the scripts
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit
here=tests/benchmarks/gpu
python="${PYTHON:-python3}" out="${OUT:-.gpu/out}" digits=.gpu/digits slower="${SLOWER:-1}"
measure=("$python" "$here/measure.py" ${TINY:+--tiny})
work="$(mktemp -d)"
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
export PYTHONUNBUFFERED=1 CUPY_CACHE_DIR="${CUPY_CACHE_DIR:-$work/cupy}"
mkdir -p "$out"
rm -f "$out"/{all.txt,history_cpu.csv,history_gpu.csv}
began=$SECONDS deadline=$((SECONDS + 520 * slower)) failed=0

say() { echo "[$((SECONDS - began)) s] $*"; }

result() { # name, exit code, lines to show; the complete output goes to all.txt
    say "$1: exit code $2"
    [ "$2" -eq 0 ] || failed=$((failed + 1))
    { echo "===== $1: exit code $2"; cat "$work/$1.log"; } >>"$out/all.txt"
    tail -n "$3" "$work/$1.log" | cut -c1-400
}

part() { # name, time limit in seconds, lines to show, command ...
    local name=$1 limit=$(($2 * slower)) lines=$3 left=$((deadline - SECONDS))
    shift 3
    if [ "$left" -lt 5 ]; then
        say "$name: left out, no time"
        failed=$((failed + 1))
        return
    fi
    [ "$limit" -gt "$left" ] && limit=$left
    timeout -k 5 "$limit" "$@" >"$work/$name.log" 2>&1
    result "$name" $? "$lines"
}

if compgen -G ".whl/*.whl" >/dev/null; then
    if "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir \
        --target "$work/site" .whl/*.whl; then
        export PYTHONPATH="$work/site${PYTHONPATH:+:$PYTHONPATH}"
    else
        say "the wheels in .whl could not be installed"
    fi
fi

part environment 60 30 "${measure[@]}" environment
grep -q "^no GPU" "$work/environment.log" && exit 1

# 1. Is it correct? Most of the time is spent compiling about 250 small kernels, shared among the
#    processes.
share=()
"$python" -c "import xdist" 2>/dev/null && share=(-n "${PROCESSES:-8}")
part tests 150 15 "$python" -m pytest -m gpu "${share[@]}" \
    -p no:benchmark -p no:cacheprovider tests

# 2. What do the parts cost?
part micro 60 40 "${measure[@]}" micro
part ctc 60 20 "${measure[@]}" ctc
part nccl 40 20 "${measure[@]}" nccl

# 3. How fast is a step, and where does its time go?
part products 40 30 "${measure[@]}" products
part recurrences 40 15 "${measure[@]}" recurrences
part norms 30 10 "${measure[@]}" norms
part layers 70 10 "${measure[@]}" layers
part steps 110 20 "${measure[@]}" steps
part conv 40 10 "${measure[@]}" conv

# 4. Does it learn? A few epochs of digits on the GPU and on the CPU, and eight digits to memorise.
if [ -d "$digits" ]; then
    epochs=4
    [ -n "${TINY:-}" ] && epochs=1
    train=("$python" -m ds2np train --train "$digits/train.jsonl" --preset tiny --sample-rate 8000)
    train+=(--minutes "$slower" --seed 1)
    short=(--dev "$digits/test.jsonl" --batch-size 32 --epochs "$epochs")
    memorise=(--overfit 8 --epochs 60)
    OPENBLAS_NUM_THREADS=$((($(nproc) + 1) / 2)) timeout -k 5 $((100 * slower)) \
        "${train[@]}" "${short[@]}" --device cpu --out "$work/run_cpu" >"$work/train_cpu.log" 2>&1 &
    on_cpu=$!
    part train_gpu 80 2 "${train[@]}" "${short[@]}" --device cuda --out "$work/run_gpu"
    part overfit 75 2 "${train[@]}" "${memorise[@]}" --device cuda --out "$work/run_overfit"
    wait $on_cpu
    result train_cpu $? 2
    part histories 20 10 "$python" "$here/histories.py" "$work/run_cpu" "$work/run_gpu"
    for device in cpu gpu; do
        cp "$work/run_$device/history.csv" "$out/history_$device.csv" 2>/dev/null
    done
else
    say "training: left out, no $digits (prepare.sh creates it)"
fi

# 5. Memory errors and races of the kernels; all tools at once, because nothing is timed.
if command -v compute-sanitizer >/dev/null; then
    tools=(memcheck racecheck synccheck initcheck)
    filter=() processes=()
    if compute-sanitizer --help 2>&1 | grep -q -e --kernel-regex; then
        for kernel in $("${measure[@]}" kernels); do filter+=(--kernel-regex "kns=$kernel"); done
    fi
    for tool in "${tools[@]}"; do
        timeout -k 5 $((80 * slower)) compute-sanitizer --tool "$tool" "${filter[@]}" \
            --error-exitcode 1 --print-limit 20 "${measure[@]}" sanitize >"$work/$tool.log" 2>&1 &
        processes+=($!)
    done
    for i in "${!tools[@]}"; do
        wait "${processes[$i]}"
        result "${tools[$i]}" $? 2
    done
else
    say "sanitizers: left out, no compute-sanitizer"
fi

say "done; failed parts: $failed; complete output: $out/all.txt"
[ "$failed" -eq 0 ]
