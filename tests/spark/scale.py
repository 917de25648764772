"""One analysis on Spark in local-cluster with two executors, its time divided into the start of the session and the rest."""

import os
import time
from pathlib import Path

from plumbline import spark as plumbline
from pyspark.sql import SparkSession

began = time.monotonic()
spark = (
    SparkSession.builder.master("local-cluster[2,1,2048]")
    .config("spark.executor.memory", "1g")
    .config("spark.ui.enabled", "false")
    .config("spark.executorEnv.PYTHONPATH", os.environ["PYTHONPATH"])
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
# The executors are there when they have done something.
spark.sparkContext.parallelize(range(2), 2).map(lambda number: number).collect()
started = time.monotonic()
plumbline.analyze(
    os.environ["DATA"], os.environ["CONFIG"], os.environ["OUT"], spark=spark,
    settings={"analysis_type": "MODEL_BIAS", "features_attribute": "features", "inference_attribute": "approved"},
    program=str(Path(os.environ["PROGRAMS"], "analyzer-job")),
)
analysed = time.monotonic()
spark.stop()
ended = time.monotonic()
Path(os.environ["TIMES"]).write_text(
    f"session {started - began:.2f} s, analysis {analysed - started:.2f} s, end {ended - analysed:.2f} s\n"
)
