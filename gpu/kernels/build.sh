#!/bin/sh
# Compiles the kernels to PTX, which is committed, so that users need no
# compiler of NVIDIA's. Without nvcc it leaves the files as they are.
#
# Each operation is rounded on its own (-fmad=false), subnormal numbers are kept
# and division and square root are exact: the bits are those of the host. The
# version is the lowest that the instructions allow, so that older drivers load
# the files; ptxas checks that it is enough.
set -eu
cd "$(dirname "$0")"
if ! command -v nvcc >/dev/null; then
	echo "kernels/build.sh: no nvcc; the PTX stays as it is"
	exit 0
fi
out=${1:-.}
flags="-ptx -arch=compute_80 -std=c++17 -O3 -fmad=false -ftz=false -prec-div=true -prec-sqrt=true"
compile() {
	source=$1 name=${1%.cu}
	sum="// sha256 $(cat descent.cuh "$source" build.sh | sha256sum | cut -d' ' -f1)"
	if [ -f "$name.ptx" ] && [ "$(head -n 1 "$name.ptx")" = "$sum" ]; then
		[ "$out" = . ] || cp "$name.ptx" "$out"
		return
	fi
	nvcc $flags -o "$out/$name.tmp" "$source"
	{
		echo "$sum"
		sed -e '/^\/\//d' -e '/^$/d' -e '/used_bytes_mask/d' -e 's/^\.version .*/.version 7.0/' "$out/$name.tmp"
	} >"$out/$name.ptx"
	rm "$out/$name.tmp"
	for arch in sm_80 sm_90; do
		ptxas -arch=$arch -o /dev/null "$out/$name.ptx"
	done
}

running=
for source in *.cu; do
	compile "$source" &
	running="$running $!"
done
for pid in $running; do
	wait "$pid"
done
