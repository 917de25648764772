"""The merge as a processing job of the SDK."""

import json
from pathlib import Path

import sdk
from support import MERGE_IMAGE, Jobs, generate


class Merge(Jobs):
    def run_merge(self, environment=None):
        account = json.loads(generate("traffic", self.folder, "--rows", 400, "--hours", 2))
        captures = self.upload(self.folder / "captures", "captures")
        labels = self.upload(self.folder / "ground-truth", "labels")
        processor = sdk.Processor(
            role=sdk.ROLE,
            image_uri=MERGE_IMAGE,
            instance_count=1,
            instance_type="local",
            sagemaker_session=sdk.local_session(),
            env=environment,
        )
        processor.run(
            inputs=[
                sdk.processing_input("endpoint_input_1", captures, "/opt/ml/processing/input_data"),
                sdk.processing_input("groundtruth_input_1", labels, "/opt/ml/processing/groundtruth"),
            ],
            outputs=[sdk.processing_output("result", "/opt/ml/processing/output", self.address("merged"))],
            **sdk.RUN,
        )
        return account, self.uploaded("merged")

    def test_processor_merges_as_the_program_does(self):
        account, merged = self.run_merge()
        inputs = {
            "processing/input_data": self.folder / "captures",
            "processing/groundtruth": self.folder / "ground-truth",
        }
        expected = self.native("merge-job", inputs)
        # File names hold an id of the job; folders and contents are the same.
        by_folder = lambda files: sorted((str(Path(name).parent), part) for name, part in files.items())
        self.assertEqual(by_folder(merged), by_folder(expected))
        records = [line for content in merged.values() for line in content.splitlines()]
        self.assertEqual(len(records), account["captures"] - account["captures_without_labels"])

    def test_a_failed_job_raises_in_the_client(self):
        with self.assertRaisesRegex(RuntimeError, "exited with code: 1"):
            self.run_merge({"on_bad_record": "perhaps"})
