"""What is wrong with the source of a model, as far as the emulator can check it.

We infer from public code, which handles a model that ends in `error`, that the service checks an adapter only after
the create call. We have never seen such a `status_reason`, so all texts here are ours.
"""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .files import Files
    from .jobs import Jobs
    from .settings import Settings

# Two public guides name these files. Both cite a page of the documentation that no longer exists.
NEEDED = ("adapter_config.json", "adapter_model.safetensors")


def flaw_of(source: str, files: Files, jobs: Jobs, settings: Settings) -> str | None:
    """Return why no model can come from a source, None if one can.

    It checks uploads, the checkpoints of jobs of this emulator and, given `known_checkpoints`, those of other
    jobs; a source of any other form passes.
    """
    if source.startswith("file-"):
        content = files.content(source)
        return f"The file `{source}` does not exist." if content is None else _archive_flaw(content, settings)
    if source.startswith("ftjob-") and not _has_checkpoint(source, jobs, settings):
        return f"The checkpoint `{source}` does not exist."
    return None


def _has_checkpoint(source: str, jobs: Jobs, settings: Settings) -> bool:
    job, _, checkpoint = source.partition(":")
    if jobs.has(job):
        return jobs.has_checkpoint(job, checkpoint)
    return settings.known_checkpoints is None or source in settings.known_checkpoints


def _archive_flaw(content: bytes, settings: Settings) -> str | None:
    limit = settings.archive_limit_bytes
    if len(content) > limit:
        return f"The archive has {len(content)} bytes; the limit is {limit}."
    entries = _entries(content)
    if entries is None:
        return "The archive is not a zip file."
    # The documentation does not say whether the limit is for the archive or for its contents; we apply it to both.
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limit:
        return f"The archive has {unpacked} bytes unpacked; the limit is {limit}."
    return _missing_files(entries)


def _entries(content: bytes) -> list[zipfile.ZipInfo] | None:
    # Reads the directory of the archive only. On broken ones the library raises more than its own error, and
    # its `is_dir` fails on an empty name.
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error):
        return None


def _missing_files(entries: list[zipfile.ZipInfo]) -> str | None:
    """Look for the files at the root or together in one folder; it is not documented where they belong."""
    paths = {PurePosixPath(entry.filename) for entry in entries}
    folders = {PurePosixPath(), *(path.parent for path in paths if len(path.parts) == 2)}
    lacking = [[name for name in NEEDED if folder / name not in paths] for folder in folders]
    fewest = min(lacking, key=lambda names: (len(names), names))
    return f"The archive lacks {' and '.join(fewest)}." if fewest else None
