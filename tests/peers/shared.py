"""What all comparisons share: the environment of the peers, measured runs in turn, tables in Markdown.

Each comparison is a file of this folder. It runs our program, and itself once more for each peer, as a process of its own:
`merge.py duckdb ARGUMENTS`. So the memory and the start of a peer are its own. Only the standard library is needed here.
"""

import functools
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
THREADS = os.cpu_count() or 1
HEAD = ["program", "seconds", "times ours", "its work alone, seconds", "times ours", "processor seconds", "peak memory, MB"]


class LeftOut(Exception):
    """A peer that is not measured, with the reason."""


class Failed(Exception):
    """A program that ended with an error, with the end of what it said."""


@dataclass
class Run:
    """One run of a program: seconds, those of its work alone (without start and imports, where the program says), seconds of
    processor, most memory of all its processes together in MB, and what it found."""

    seconds: float
    work: float
    processor: float
    peak: float
    found: object


@dataclass
class Bench:
    """Where the programs are, how much data are made and how often all programs run."""

    programs: Path
    work: Path
    python: Path | None
    missing: str
    scale: float
    turns: int
    limit_seconds: float
    limit_mb: float
    pictures: Path
    page: dict = field(default_factory=dict)

    def scaled(self, amount):
        return max(round(amount * self.scale), 100)

    def generate(self, *arguments):
        """Runs the generator of the project's data."""
        subprocess.run([self.programs / "plumbline-generator", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)

    def ours(self, program, *arguments, processors=None):
        """A run of ours; `found` is the folder of its results, which the caller removes or leaves to the end."""
        out = self.work / "ours"
        shutil.rmtree(out, ignore_errors=True)
        command = [self.programs / program, *arguments, "--output-path", out, "--log-level", "error"]
        (self.work / "opt" / "output").mkdir(parents=True, exist_ok=True)
        environment = {"PATH": os.environ["PATH"], "TMPDIR": str(self.work), "SAGEMAKER_BASE_DIR": str(self.work / "opt")}
        run = measured(command, self, processors=processors, env=environment)
        run.found = out
        return run

    def peer(self, file, name, *arguments):
        """A run of a peer: `file` is the comparison's own, `name` one of its PEERS."""
        if self.python is None:
            raise LeftOut(self.missing)
        if name == "pyspark" and not shutil.which("java"):
            raise LeftOut("no Java")
        environment = dict(os.environ, TMPDIR=str(self.work), PYTHONWARNINGS="ignore", PYSPARK_PYTHON=str(self.python))
        try:
            run = measured([self.python, file, name, *arguments], self, env=environment)
        except Failed as error:
            raise LeftOut(f"failed: {' '.join(str(error).split())[-200:]}") from error
        answer = json.loads(run.found.splitlines()[-1])
        run.work, run.found = answer["work"], answer["found"]
        return run

    def show(self, section, text):
        """Prints a part of the page, and keeps it for `--page`."""
        print(text + "\n", flush=True)
        self.page[section] = self.page.get(section, "") + text + "\n\n"


def measured(command, bench, processors=None, **more):
    """Runs a command and watches all processes of its session."""
    if processors and shutil.which("taskset"):
        command = ["taskset", "-c", ",".join(map(str, range(processors))), *command]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        began = time.monotonic()
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=errors, start_new_session=True, **more)
        watch = Watch(process.pid)
        while True:
            # The child stays a zombie until wait4, which tells its processor time.
            if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            watch.look()
            reason = None
            elapsed = time.monotonic() - began
            if elapsed > bench.limit_seconds:
                reason = f"more than {bench.limit_seconds:.0f} s"
            elif watch.peak > bench.limit_mb:
                reason = f"more than {bench.limit_mb / 1000:.1f} GB of memory"
            if reason:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise LeftOut(reason)
            # Looks are dear beside a long run: 5 ms apart at first, 50 ms in the end.
            time.sleep(min(0.005 + elapsed / 500, 0.05))
        seconds = time.monotonic() - began
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if process.returncode:
            raise Failed(f"{' '.join(map(str, command))[:300]}: {errors.read()[-2000:]}")
        processor = max(usage.ru_utime + usage.ru_stime, watch.processor())
        return Run(seconds, seconds, processor, watch.peak, out.read())


class Watch:
    """The processes of a session: their memory and processor time, looked up in /proc."""

    def __init__(self, session):
        self.session = session
        self.peak = 0.0
        self.ticks = {}
        self.members = [session]
        self.next_search = time.monotonic() + 0.2

    def look(self):
        # A search through all processes of the machine costs more than a look at those that are known.
        if time.monotonic() >= self.next_search:
            self.next_search = time.monotonic() + 0.2
            self.members = [int(path.name) for path in Path("/proc").glob("[0-9]*") if self.belongs(path.name)]
        together = [resident(pid) for pid in self.members]
        most = max((highest for _, highest in together), default=0)
        self.peak = max(self.peak, sum(now for now, _ in together) / 1e6, most / 1e6)

    def belongs(self, pid):
        fields = stat(pid)
        if fields is None or int(fields[3]) != self.session:
            return False
        self.ticks[pid] = int(fields[11]) + int(fields[12])
        return True

    def processor(self):
        return sum(self.ticks.values()) / os.sysconf("SC_CLK_TCK")


def stat(pid):
    """The fields of /proc/PID/stat behind the name."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def resident(pid):
    """Bytes of memory of a process: now, and the most so far."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0, 0
    kilobytes = {}
    for line in text.splitlines():
        if line.startswith(("VmHWM:", "VmRSS:")):
            kilobytes[line[:5]] = int(line.split()[1]) * 1024
    return kilobytes.get("VmRSS", 0), kilobytes.get("VmHWM", 0)


def compare(bench, ours, peers, same):
    """Runs all in turn and returns the rows of a table. `ours` is a name and a run; `peers` are names and runs; `same` gets our
    run, the peer's name and the peer's run, and raises when the results differ. The first turn only holds the results equal:
    its times are not counted, since files and libraries may come from the disk."""
    name, run_ours = ours
    left_out, taken, own = {}, {peer: [] for peer, _ in peers}, []
    for turn in range(bench.turns + 1):
        mine = run_ours()
        if turn:
            own.append(mine)
        for peer, run in peers:
            if peer in left_out:
                continue
            try:
                other = run()
            except LeftOut as reason:
                left_out[peer] = str(reason)
                continue
            same(mine, peer, other)
            if turn:
                taken[peer].append((mine, other))
    rows = [[name, spread([r.seconds for r in own]), "", "", "", *resources(own)]]
    for peer, _ in peers:
        if peer in left_out:
            rows.append([peer, f"left out: {left_out[peer]}", "", "", "", "", ""])
            continue
        pairs = taken[peer]
        others = [other for _, other in pairs]
        rows.append([
            peer,
            spread([other.seconds for other in others]),
            spread([other.seconds / mine.seconds for mine, other in pairs]),
            spread([other.work for other in others]),
            spread([other.work / mine.seconds for mine, other in pairs]),
            *resources(others),
        ])
    return rows


def resources(runs):
    return [number(statistics.median(run.processor for run in runs)), number(statistics.median(run.peak for run in runs))]


def spread(values):
    """The median, and the least and largest where there are several."""
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))} to {number(max(values))})"


def number(value):
    """Three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def near(a, b, tolerance, what):
    """Raises where two numbers differ by more than `tolerance`, relative or absolute."""
    if not abs(a - b) <= tolerance * max(1.0, abs(a), abs(b)):
        raise AssertionError(f"{what}: {a} of ours, {b} of the peer")


def equal(a, b, what):
    if a != b:
        raise AssertionError(f"{what}: {str(a)[:500]} of ours, {str(b)[:500]} of the peer")


def run_peer(peers):
    """The process of a peer: `FILE NAME ARGUMENTS`. A peer is a generator: what it does before its first `yield` is its start
    (imports, sessions), what it does before the second is its work, and that one gives what it found."""
    steps = peers[sys.argv[1]](*sys.argv[2:])
    next(steps)
    began = time.monotonic()
    found = next(steps)
    print(json.dumps({"work": time.monotonic() - began, "found": found}))


@functools.cache
def requirements():
    """The pinned versions of requirements.txt."""
    lines = (HERE / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def named(package, name):
    """A peer's name with the version it has."""
    return f"{name} {requirements()[package]}"


def environment():
    """The Python of the peers below target/, made when it is not there or requirements.txt has changed: (path, "") or
    (None, why not)."""
    home = ROOT / "target" / "peers"
    python, mark = home / "bin" / "python", home / "requirements.txt"
    wanted = (HERE / "requirements.txt").read_text()
    if mark.is_file() and mark.read_text() == wanted and python.exists():
        return python, ""
    print("installing the peers into target/peers", file=sys.stderr)
    # Every package is pinned, so nothing is resolved; smclarify would otherwise bring a client of S3 that it does not need here.
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", HERE / "requirements.txt"]
    for command in ([sys.executable, "-m", "venv", home], install):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode:
            return None, "cannot be installed: " + " ".join(done.stderr.split())[-200:]
    mark.write_text(wanted)
    return python, ""


def machine():
    """One paragraph: the machine, its load, and the versions that every table shares."""
    processor = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    revision = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return (f"Measured on {time.strftime('%Y-%m-%d', time.gmtime())}: {processor}, {THREADS} processors, {memory:.0f} GB of memory, "
            f"{platform.system()} {platform.release().split('-')[0]}; load before the first run {os.getloadavg()[0]:.2f}. "
            f"Ours at revision {revision or 'unknown'}; Python {platform.python_version()}.")


def spark():
    """A session of PySpark on all processors, and its functions; a part of the start of a peer."""
    from pyspark.sql import SparkSession, functions

    session = (SparkSession.builder.master(f"local[{THREADS}]").config("spark.ui.enabled", "false")
               .config("spark.driver.memory", "4g").config("spark.sql.shuffle.partitions", 4 * THREADS).getOrCreate())
    session.sparkContext.setLogLevel("ERROR")
    return session, functions
