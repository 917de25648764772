"""Runs the tests of this folder, or those whose names are given, with the SDK of the virtual environment."""

import logging
import os
import sys
import time
import unittest
from pathlib import Path

# The SDK says at its import, too, where it looked for settings.
logging.disable(logging.WARNING)

import sdk  # noqa: E402

HERE = Path(__file__).parent


class Result(unittest.TextTestResult):
    """Counts what passed, and says at the start of each line which SDK it was."""

    passed = 0

    def startTest(self, test):
        self.started = time.monotonic()
        unittest.TestResult.startTest(self, test)

    def addSuccess(self, test):
        self.passed += 1
        self.line("ok  ", test)

    def addSkip(self, test, reason):
        self.line("skip", test)

    def addError(self, test, error):
        unittest.TestResult.addError(self, test, error)
        self.failed(test)

    def addFailure(self, test, error):
        unittest.TestResult.addFailure(self, test, error)
        self.failed(test)

    def failed(self, test):
        # The trace has the output already.
        self._mirrorOutput = False
        self.line("FAIL", test)

    def line(self, outcome, test):
        seconds = time.monotonic() - self.started
        name = getattr(test, "_testMethodName", str(test)).removeprefix("test_").replace("_", " ")
        group = type(test).__module__.removeprefix("test_")
        print(f"{outcome}  SDK {sdk.VERSION}, {group}: {name} ({seconds:.1f} s)", file=sys.__stdout__, flush=True)

    def printErrors(self):
        for test, trace in self.errors + self.failures:
            print(f"\n{test}\n{trace}", file=sys.__stdout__, flush=True)


def main():
    os.chdir(HERE)
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{name}*" for name in sys.argv[1:]] or None
    suite = loader.discover(str(HERE))
    runner = unittest.TextTestRunner(stream=open(os.devnull, "w"), resultclass=Result, buffer=True)
    result = runner.run(suite)
    failed = len(result.errors) + len(result.failures)
    print(f"{result.passed} passed, {failed} failed")
    return 1 if failed or not result.passed else 0


if __name__ == "__main__":
    sys.exit(main())
