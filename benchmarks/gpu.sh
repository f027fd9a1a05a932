#!/usr/bin/env bash
# What only a GPU can say, in under 9 minutes: parts in order of worth, each with a limit of time.
#
#   benchmarks/gpu.sh OUT [PART …]      OUT: a folder; parts: scoring compiled tests targets variants latency
#
# Each part writes OUT/<part>.json (latency: a .tgz) when it ends, and what it says to OUT/gpu.log. A part that fails or
# takes too long is named there, and the next one goes on. BUDGET: seconds of all parts together. PYTHON: which one; it
# needs what requirements/full.txt names but for TensorFlow, downloads and the workflow. SMALL=1 runs every part at
# sizes for two CPU cores, with four times the time, to see that it runs.
set -u
cd "$(dirname "$0")/.." || exit
out=$(mkdir -p "${1:?a folder for the results}" && cd "$1" && pwd) || exit
shift
parts=("${@:-}")
python=${PYTHON:-python3}
small=${SMALL:+--small}
times=${SMALL:+4}
budget=${BUDGET:-$((530 * ${times:-1}))}
export PYTHONUNBUFFERED=1 PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH}

say() { echo "$*" | tee -a "$out/gpu.log"; }

# part NAME SECONDS COMMAND…: runs it if it was asked for, with the time that is left at most.
part() {
  local name=$1 limit=$(($2 * ${times:-1})) began=$SECONDS left=$((budget - SECONDS))
  shift 2
  [[ -z ${parts[*]} || " ${parts[*]} " == *" $name "* ]] || return 0
  ((limit < left)) || limit=$left
  ((limit >= 15)) || { say "== $name: no time was left"; return; }
  say "== $name: $*"
  timeout --signal=INT --kill-after=10 "$limit" "$@" >>"$out/gpu.log" 2>&1
  local status=$?
  case $status in
    0) say "== $name: done in $((SECONDS - began)) s" ;;
    124 | 137) say "== $name: did not end within $limit s" ;;
    *) say "== $name: exit status $status after $((SECONDS - began)) s" ;;
  esac
}

latency() {
  local study=config/latency${small:+-small}.yaml made
  made=$(mktemp -d)
  $python -m odelt latency-study --settings $study --network b --out "$made/b/programs.json" || return
  tar -czf "$out/latency.tgz" -C "$made" b
}
export -f latency
export out small python

if [[ $small ]]; then
  scoring=(--small --batch 4 --images 12 --compared 4)
  platforms=cpu
  targets=(--device cpu --only "mini, T = 1, l = 2, one image;weights")
else
  scoring=(--images 512)
  platforms=cuda,cpu
  targets=(--device gpu --only "train B;train B, dropout;sample B;one image;training XL;sampling XL")
fi

part scoring 130 "$python" benchmarks/scoring.py "${scoring[@]}" --out "$out/scoring.json"
part compiled 130 "$python" benchmarks/scoring.py "${scoring[@]}" --precisions tf32,bfloat16 --variants compiled \
  --out "$out/compiled.json"
part tests 130 env JAX_PLATFORMS=$platforms "$python" -m pytest -p no:cacheprovider -m "not cpu_memory and not slow" --durations=5 \
  tests/model/test_golden.py tests/model/test_inner_ode.py tests/sampling/test_solvers.py
left=$((budget - SECONDS - 15))
part targets 400 "$python" benchmarks/targets.py "${targets[@]}" --budget $((left > 10 ? left : 10)) --out "$out/targets.json"
part variants 80 "$python" benchmarks/scoring.py "${scoring[@]}" --precisions tf32,bfloat16 --variants norms,autotuned,nchw \
  --out "$out/variants.json"
part latency 150 bash -c latency
say "== all parts: $SECONDS s"
