#!/usr/bin/env bash
# run.sh PROGRAMS: the module plumbline.spark on a real PySpark in local-cluster mode, two executors, against runs of the
# programs in the folder PROGRAMS on the same files. Needs Java; PySpark and moto come from PyPI into a folder of their own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PROGRAMS=$(cd "$1" && pwd)
export PROGRAMS PYTHONPATH=$here/../../python
if ! java -version >/dev/null 2>&1; then
    echo "left out: spark: no Java"
    exit 0
fi
python=${SPARK_PYTHON:-}
if [ -z "$python" ]; then
    home=$here/../../target/spark
    if ! { [ -x "$home/bin/python" ] || python3 -m venv "$home"; } >/dev/null 2>&1 ||
        ! "$home/bin/pip" install -q 'pyspark==4.*' 'moto[server]==5.*' 'boto3==1.*' >/dev/null 2>&1; then
        echo "left out: spark: PySpark cannot be installed"
        exit 0
    fi
    python=$home/bin/python
fi
# For a script that runs something else with it.
if [ -n "${PREPARE_ONLY:-}" ]; then
    echo "$python"
    exit 0
fi
export PYSPARK_PYTHON=$python PYSPARK_DRIVER_PYTHON=$python
"$python" "$here/test_spark.py"
