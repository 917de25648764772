"""The names of the SageMaker SDK that the tests use, from version 2 or 3, whichever is installed."""

import os

import boto3

try:
    from sagemaker import clarify, image_uris, model_monitor
    from sagemaker.local import LocalSession
    from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor
    from sagemaker.session import Session

    VERSION = 2
except ImportError:
    from sagemaker.core import clarify, image_uris, model_monitor
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.local.local_session import LocalSession
    from sagemaker.core.processing import Processor
    from sagemaker.core.shapes import (
        ProcessingInput,
        ProcessingOutput,
        ProcessingS3Input,
        ProcessingS3Output,
    )

    VERSION = 3

BUCKET = os.environ["BUCKET"]
ROLE = os.environ["ROLE"]

# Version 3 polls for logs when it waits; local jobs are over when the call returns, in both versions.
RUN = {"wait": True, "logs": True} if VERSION == 2 else {"wait": False, "logs": False}


def local_session(region=None):
    return LocalSession(boto3.Session(region_name=region), default_bucket=BUCKET)


def cloud_session():
    """A session that would talk to AWS; here the mock service answers."""
    return Session(boto3.Session(), default_bucket=BUCKET)


def processing_input(name, source, destination):
    if VERSION == 2:
        return ProcessingInput(input_name=name, source=source, destination=destination)
    place = ProcessingS3Input(
        s3_uri=source, local_path=destination, s3_data_type="S3Prefix", s3_input_mode="File"
    )
    return ProcessingInput(input_name=name, s3_input=place)


def processing_output(name, source, destination):
    if VERSION == 2:
        return ProcessingOutput(output_name=name, source=source, destination=destination)
    place = ProcessingS3Output(s3_uri=destination, local_path=source, s3_upload_mode="EndOfJob")
    return ProcessingOutput(output_name=name, s3_output=place)
