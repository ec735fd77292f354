"""Uploads of adapters against ``curl -F`` of the same zip: ``python benchmarks/upload.py``; README.md has the result.

Both send to a server of their own that reads the body and discards it. They take turns, so that a busy minute of the
machine affects both. The client of this package is a process of its own: its peak memory is the kernel's high-water
mark. It uploads a small adapter first, since the time of curl does not include the start of its process either.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

if __package__ in (None, ""):  # run as a file: the package is one folder above
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import machine, tables

_MB, _MIB = 10**6, 1024**2
_SLACK, _MOST_MEMORY = 1.10, 120 * _MIB
_BLOCK = 1024 * 1024
_ANSWER = {"id": "file-1", "object": "file", "bytes": 0, "created_at": 0, "filename": "a.zip", "purpose": "x"}
_CLIENT = """
import json, resource, sys, time
from nebius_model_resource._adapter import Package, read
from nebius_model_resource._contents import contents
from nebius_model_resource._service.client import Client
from nebius_model_resource._service.settings import Settings
url, path, first = sys.argv[1:]
client = Client(Settings(url, "benchmark-key"))
client.upload(Package(read(first)), None, client.deadline(60))
started = time.perf_counter()
adapter = read(path)
hashed = time.perf_counter()
for _, chunks in contents(adapter.listing):
    for chunk in chunks:
        pass
read = time.perf_counter()
for chunk in Package(adapter).chunks():
    pass
packed = time.perf_counter()
client.upload(Package(adapter), None, client.deadline(600))
sent = time.perf_counter()
memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([hashed - started, (packed - read) - (read - hashed), sent - packed, memory]))
"""


@dataclass(frozen=True)
class Upload:
    """The medians of one size.

    Attributes:
        size: bytes of the adapter.
        curl: seconds of ``curl -F``, without the start of its process.
        ours: seconds of the upload, which reads, packs and sends.
        hashing: seconds of the check and hash, once per operation.
        packing: seconds of packing alone (checksums), measured without sending; ``ours`` contains them too.
        memory: peak bytes of the client's process.
        turns: how many there were.
    """

    size: int
    curl: float
    ours: float
    hashing: float
    packing: float
    memory: int
    turns: int

    @property
    def ratio(self) -> float:
        """Ours without packing, as a multiple of curl's time."""
        return (self.ours - self.packing) / self.curl

    @property
    def met(self) -> bool:
        """Whether both bounds hold."""
        return self.ratio <= _SLACK and self.memory <= _MOST_MEMORY


class _Discarding(BaseHTTPRequestHandler):
    """Reads a body of a known length, stores nothing, and answers with a file."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        buffer = memoryview(bytearray(_BLOCK))
        left = int(self.headers["Content-Length"])
        while left and (count := self.rfile.readinto(buffer[: min(left, _BLOCK)])):
            left -= count
        answer = json.dumps(_ANSWER).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def serve() -> None:
    """Run the server until standard input ends; the first line of output is its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Discarding)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()
    server.shutdown()


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).resolve()), "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert running.stdin
        try:
            yield running.stdout.readline().strip()
        finally:
            running.stdin.close()
            running.wait(timeout=10)


def write_adapter(folder: Path, size: int) -> Path:
    """Write an adapter of about that many bytes, with random weights."""
    folder.mkdir()
    config = {"peft_type": "LORA", "r": 16, "target_modules": ["q_proj"], "base_model_name_or_path": "a/b"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    half = size // 2
    tensors = {
        f"q.lora_{name}.weight": {"dtype": "U8", "shape": [half], "data_offsets": [start, start + half]}
        for name, start in (("A", 0), ("B", half))
    }
    header = json.dumps(tensors).encode()
    with (folder / "adapter_model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        left = 2 * half
        while left:
            left -= file.write(os.urandom(min(left, _BLOCK)))
    return folder


def _pack(folder: Path, target: Path) -> None:
    """Write exactly the zip that the package sends."""
    from nebius_model_resource._adapter import Package, read

    with target.open("wb") as file:
        file.writelines(Package(read(folder)).chunks())


def _curl(url: str, archive: Path) -> float:
    """Seconds of curl, without its `Expect: 100-continue`, which costs it a fixed wait that ours does not have."""
    command = [
        *("curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--output", os.devnull),
        *(
            "--write-out",
            "%{time_total}",
            "--header",
            "Expect:",
            "--form",
            f"file=@{archive};type=application/zip",
        ),
        f"{url}/v0/models/upload",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _ours(url: str, folder: Path, small: Path) -> tuple[float, float, float, int]:
    command = [sys.executable, "-c", _CLIENT, url, str(folder), str(small)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    hashing, packing, sending, memory = json.loads(done.stdout)
    return hashing, packing, sending, memory


def measure(megabytes: int, turns: int) -> Upload:
    """Upload one size several times, in turns."""
    with TemporaryDirectory(prefix="benchmark-") as place, _server() as url:
        folder = write_adapter(Path(place) / "adapter", megabytes * _MB)
        small = write_adapter(Path(place) / "small", 1000)
        archive = Path(place) / "adapter.zip"
        _pack(folder, archive)
        curl, ours = [], []
        for turn in range(turns + 1):
            found = _curl(url, archive), _ours(url, folder, small)
            if turn:  # the first one fills the cache of the disk
                curl.append(found[0])
                ours.append(found[1])
    hashing, packing, sending, memory = zip(*ours, strict=True)
    return Upload(
        megabytes * _MB, median(curl), median(sending), median(hashing), median(packing), max(memory), turns
    )


def table(uploads: list[Upload]) -> str:
    """One row for each size."""
    heads = ("MB", "curl s", "upload s", "hash s", "zip s", "upload - zip / curl", "peak MiB", "turns", "met")
    rows = [
        (
            f"{each.size // _MB}",
            *(f"{seconds:.3f}" for seconds in (each.curl, each.ours, each.hashing, each.packing)),
            f"{each.ratio:.2f}",
            f"{each.memory / _MIB:.0f}",
            f"{each.turns}",
            "yes" if each.met else "**no**",
        )
        for each in uploads
    ]
    return tables.markdown(heads, rows)


def draw(uploads: list[Upload], path: Path, subtitle: str) -> None:
    """Write the picture: seconds against megabytes."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (times, memory) = plt.subplots(1, 2, figsize=(9, 3.8))
    sizes = [each.size / _MB for each in uploads]
    times.plot(sizes, [each.curl for each in uploads], "s-", color="#c8553d", label="curl -F")
    times.plot(
        sizes, [each.ours for each in uploads], "o-", color="#1b6ca8", label="upload (reads, packs, sends)"
    )
    times.plot(
        sizes,
        [each.ours - each.packing for each in uploads],
        "o--",
        color="#1b6ca8",
        label="upload without the zip",
    )
    times.plot(sizes, [each.hashing for each in uploads], "^:", color="#6b8f3a", label="check and hash")
    times.set(xlabel="MB", ylabel="seconds", title="Time")
    times.legend(frameon=False, fontsize=8)
    memory.plot(sizes, [each.memory / _MIB for each in uploads], "o-", color="#1b6ca8")
    memory.axhline(_MOST_MEMORY / _MIB, color="#777777", linestyle=":")
    memory.set(xlabel="MB", ylabel="MiB", title="Peak memory of the client", ylim=(0, 130))
    for axis in (times, memory):
        axis.grid(visible=True, linewidth=0.3)
    figure.suptitle(subtitle, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> int:
    """Run; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python benchmarks/upload.py", description=__doc__)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 100, 400], metavar="N")
    parser.add_argument("--turns", type=int, default=7, metavar="K", help="the median counts")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write upload.json and upload.png there")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve()
        return 0
    about = machine.describe("none: the client alone")
    uploads = [measure(size, args.turns) for size in args.megabytes]
    print("\n".join(f"- {name}: {text}" for name, text in about.items()))
    print(f"\n{table(uploads)}")
    if args.out:
        rows = [{**asdict(each), "ratio": each.ratio} for each in uploads]
        (args.out / "upload.json").write_text(json.dumps({"about": about, "uploads": rows}, indent=1) + "\n")
        draw(uploads, args.out / "upload.png", f"{about['date']}, {about['machine']}")
    return 0 if all(each.met for each in uploads) else 1


if __name__ == "__main__":
    sys.exit(main())
