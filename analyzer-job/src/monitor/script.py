"""Runs the user's script: `record SCRIPT` answers a record a line, `end SCRIPT` calls postprocess_handler once.

Lines in: a letter and JSON. r: a captured record, d: a JSON record, l: a line of text.
Lines out: o and the rows, none of them or empty ones where the handler returned nothing, s for a record that is left out
by [], e and the reason why it cannot be used.
"""
import errno
import importlib.util
import inspect
import json
import logging
import os
import random
import re
import sys
import traceback

# Whatever the script prints goes to the log, not among the answers; neither it nor what it starts reads the records.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
os.dup2(2, 1)
records = os.fdopen(os.dup(0), "rb")
nothing = os.open(os.devnull, os.O_RDONLY)
os.dup2(nothing, 0)
os.close(nothing)
# Equal input gives equal results, also from scripts that draw a sample.
random.seed(0)


class Event:
    """Fields of a captured record, by the names that scripts know them by."""

    def __init__(self, fields):
        self.__dict__.update(fields)

    def as_dict(self):
        return {name: value for name, value in self.__dict__.items() if value is not None}

    def __str__(self):
        return str(self.as_dict())


def payload(fields):
    if not isinstance(fields, dict):
        return None
    names = ("encoding", "data", "observedContentType", "mode")
    found = Event({**{name: None for name in names}, **fields})
    found.observed_content_type = found.observedContentType
    found.as_dict = lambda: dict(fields)
    return found


class Record:
    def __init__(self, event):
        capture = event.get("captureData") or {}
        metadata = event.get("eventMetadata") or {}
        self.event_metadata = Event({
            "event_id": metadata.get("eventId"),
            "event_time": metadata.get("inferenceTime"),
            "inference_id": metadata.get("inferenceId"),
            "custom_attribute": metadata.get("customAttributes"),
        })
        self.event_metadata.as_dict = lambda: dict(metadata)
        self.endpoint_input = payload(capture.get("endpointInput"))
        self.endpoint_output = payload(capture.get("endpointOutput"))
        self.batch_transform_output = payload(capture.get("batchTransformOutput"))
        self.ground_truth = payload(event.get("groundTruthData"))
        self.event_version = event.get("eventVersion")
        self.event_dict = event

    def as_dict(self):
        return self.event_dict

    def __str__(self):
        return str(self.event_dict)


def plain(value):
    """Numbers of other libraries as Python's; everything else as its text."""
    return value.item() if hasattr(value, "item") else str(value)


def text_of(value):
    """JSON that is UTF-8: two halves of a character become it, and a half by itself the character for what cannot be told."""
    text = json.dumps(value, default=plain, ensure_ascii=False)
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        return re.sub("[\ud800-\udfff]", "\ufffd", whole)


def rows(found):
    if found is None:
        return []
    listed = found if isinstance(found, list) else [found]
    for row in listed:
        if not isinstance(row, dict):
            raise TypeError(f"preprocess_handler returned {type(row).__name__}, expected a dict, or [] to leave the "
                            "record out")
    return [{str(key): None if value == "" and isinstance(value, str) else value for key, value in row.items()}
            for row in listed]


def reason(error):
    """The script's own message with the line of the script it is from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == script]
    where = f" (line {frames[-1].lineno} of the script)" if frames else ""
    closed = "; the script closed its standard output, or another file that it uses" if is_closed(error) else ""
    return f"{type(error).__name__}: {error}{where}{closed}"


def is_closed(error):
    return (isinstance(error, OSError) and error.errno == errno.EBADF
            or isinstance(error, ValueError) and "closed file" in str(error))


def load(name):
    spec = importlib.util.spec_from_file_location("customer_script", script)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, os.path.dirname(script))
    spec.loader.exec_module(module)
    handler = getattr(module, name, None)
    if not callable(handler):
        raise AttributeError(f"the script has no function {name}")
    return handler


def answer(letter, text):
    answers.write(f"{letter}{text}\n")
    answers.flush()


what, script = sys.argv[1], os.path.abspath(sys.argv[2])
logger = logging.getLogger("preprocessor")
logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
try:
    if what == "end":
        load("postprocess_handler")()
        answer("s", "")
        sys.exit(0)
    handler = load("preprocess_handler")
    parameters = inspect.signature(handler).parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
    more = (logger,) if len(positional) > 1 else ()
except Exception as error:
    answer("e", text_of(reason(error)))
    sys.exit(1)
answer("s", "")
for line in records:
    try:
        record = json.loads(line[1:])
        found = handler(Record(record) if line[:1] == b"r" else record, *more)
        if isinstance(found, list) and not found:
            answer("s", "")
        else:
            answer("o", text_of(rows(found)))
    except Exception as error:
        answer("e", text_of(reason(error)))
