"""What a host records about its models, and which of them are deleted after its end."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nebius_model_resource._api import transport
from nebius_model_resource._api.settings import Settings
from nebius_model_resource._lifecycle import guardian
from nebius_model_resource._lifecycle.guardian import Guardian, delete_all, main
from nebius_model_resource._lifecycle.notes import LeftBehind, Note, Notes
from nebius_model_resource.errors import EngineGone, ValidationFailed
from tests.support.virtual import EPOCH, KEY, Outcome, Service, VirtualTime, done, lost, says, status

NAMES = [f"acme/Base-LoRa:bot-{code}" for code in ("AAAA", "BBBB", "CCCC")]
SETTINGS = Settings("https://service.test", KEY)


def notes_of(*numbers: int, project: str | None = None, age: float = 0) -> list[Note]:
    return [Note(NAMES[number], project, EPOCH - age) for number in numbers]


@dataclass(frozen=True)
class Case:
    """What the service answers, how old the models are, what is left, and after how many seconds the guardian ends."""

    deletes: tuple[Outcome, ...] = ()
    always: Outcome = done
    lists: Outcome = done
    age: float = 0.0
    left: int = 0
    ends: tuple[float, float] = (0, 0)


CASES = {
    "served": Case(),
    "the first is refused once": Case((status(400),), ends=(2, 2)),
    "the first is refused three times": Case((status(401), done, status(401), status(401)), ends=(6, 6)),
    "the key is refused for ever": Case(always=status(401), left=2, ends=(898, 900)),
    "away for a while": Case((status(500),) * 30, ends=(60, 900)),
    "away for ever": Case(always=status(500), left=2, ends=(898, 900)),
    "lost with its effect": Case((lost(effect=True, at_once=True),), ends=(30, 32)),
    "gone already, new": Case(always=status(404), lists=says([]), ends=(30, 32)),
    "gone already": Case(always=status(404), lists=says([]), age=30),
    "404 and listed": Case(always=status(404), left=2, ends=(898, 900)),
    "404 and the list fails": Case(always=status(404), lists=status(500), left=2, ends=(898, 900)),
    "403 and new": Case(always=status(403), lists=says([]), ends=(30, 32)),
    "403 and not new": Case(always=status(403), lists=says([]), age=30),
    "403 and listed": Case(always=status(403), age=30, left=2, ends=(898, 900)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_model_is_deleted_or_tried_for_a_quarter_of_an_hour(
    service: Service, time: VirtualTime, case: Case
) -> None:
    """A deletion that fails delays the others only by its own try, and is tried again."""
    for name in NAMES[:2]:
        service.add(name)
    service.next("DELETE", *case.deletes)
    service.always("DELETE", case.always)
    service.always("LIST", case.lists)
    left = delete_all(notes_of(0, 1, age=case.age), service.client(), wall_clock=time.wall)
    assert len(left) == case.left
    assert case.ends[0] <= time.now <= case.ends[1]


def test_the_first_failure_does_not_keep_the_others(service: Service, time: VirtualTime) -> None:
    """Only a model that cannot be deleted stays, and each of the others is deleted once."""
    for name in NAMES:
        service.add(name)

    def delete(service: Service, call: Any) -> Any:
        return (status(409) if call.name == NAMES[0] else done)(service, call)

    service.always("DELETE", delete)
    left = delete_all(notes_of(0, 1, 2), service.client(), wall_clock=time.wall, seconds=20)
    assert left == notes_of(0)
    assert set(service.models) == {NAMES[0]}
    assert [call.name for call in service.calls].count(NAMES[2]) == 1


def test_the_list_of_the_models_project_decides(service: Service, time: VirtualTime) -> None:
    """The list of the model's project decides what a refusal means."""
    service.always("DELETE", status(404))
    assert delete_all(notes_of(0, project="p"), service.client(), wall_clock=time.wall) == []
    assert [call.query for call in service.calls if call.kind == "LIST"] == [{"ai_project_id": "p"}]


class Pipe(io.BytesIO):
    """The guardian process's standard input."""


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Pipe:
    """A pipe without a process, in place of the guardian's."""
    pipe = Pipe()
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: SimpleNamespace(stdin=pipe))
    return pipe


def _ends_well() -> None:
    return None


def _ends_with(error: type[BaseException]) -> Callable[[], None]:
    def end() -> None:
        raise error("no")

    return end


@pytest.mark.parametrize(
    ("end", "stays"),
    [
        (_ends_well, True),
        (_ends_with(ValidationFailed), True),
        (_ends_with(EngineGone), True),
        (_ends_with(LeftBehind), False),
        (_ends_with(ZeroDivisionError), False),
        (_ends_with(KeyboardInterrupt), False),
    ],
)
def test_only_what_a_host_leaves_open_is_deleted(
    service: Service, pipe: Pipe, monkeypatch: pytest.MonkeyPatch, end: Callable[[], None], stays: bool
) -> None:
    """The model of a create that ended normally stays; another model that is still awaited is deleted."""
    monkeypatch.setattr(transport, "exchange", service)
    for name in NAMES:
        service.add(name)
    notes = Guardian(SETTINGS)
    with notes.hold(NAMES[1], "p"):
        with suppress(BaseException), notes.hold(NAMES[0], None):
            end()
        main(pipe.getvalue())
    assert set(service.models) == ({NAMES[0], NAMES[2]} if stays else {NAMES[2]})
    service.calls.clear()
    if stays:
        main(pipe.getvalue())
        assert service.calls == []


def test_the_notes_are_lines_that_begin_with_the_account(pipe: Pipe) -> None:
    """The key goes through the pipe, then one line for each model and for each that is dropped."""
    notes = Guardian(SETTINGS)
    with notes.hold(NAMES[0], "p"), notes.hold(NAMES[1], None):
        pass
    first, *lines = map(json.loads, pipe.getvalue().splitlines())
    assert first == {"base_url": SETTINGS.base_url, "api_key": KEY}
    assert [(line["number"], (line["note"] or {}).get("name")) for line in lines] == [
        (0, NAMES[0]),
        (1, NAMES[1]),
        (1, None),
        (0, None),
    ]
    assert lines[0]["note"]["ai_project_id"] == "p"


def test_a_note_that_is_cut_off_is_left_out(
    service: Service, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that dies in the middle of a line loses only that line."""
    monkeypatch.setattr(transport, "exchange", service)
    for name in NAMES:
        service.add(name)
    notes = Guardian(SETTINGS)
    with notes.hold(NAMES[0], None), notes.hold(NAMES[1], None):
        main(pipe.getvalue()[:-9])
    assert set(service.models) == set(NAMES[1:])


@pytest.mark.parametrize("text", [b"", b"\n", b'{"base_url": "https://x"'])
def test_a_host_that_created_nothing_leaves_nothing_to_do(text: bytes) -> None:
    """A pipe that ends at once, or in the middle of the account, is no error."""
    main(text)


@pytest.mark.parametrize(("url", "seconds"), [("https://service.test", 900), ("http://127.0.0.1:1", 20)])
def test_a_service_on_this_machine_is_tried_for_seconds(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch, url: str, seconds: float
) -> None:
    """A guardian does not wait a quarter of an hour for an emulator that has ended."""
    given: list[tuple[list[Note], str, float]] = []
    monkeypatch.setattr(
        guardian,
        "delete_all",
        lambda left, client, seconds: given.append((left, client.connection.settings.base_url, seconds)),
    )
    with Guardian(Settings(url, KEY)).hold(NAMES[0], "p"):
        main(pipe.getvalue())
    [(left, base_url, tried)] = given
    assert [(each.name, each.ai_project_id) for each in left] == [(NAMES[0], "p")]
    assert (base_url, tried) == (url, seconds)


def test_no_process_is_no_reason_for_a_create_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the process cannot start, the create continues without notes."""

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with Guardian(SETTINGS).hold(NAMES[0], None):
        pass


def test_a_model_is_noted_by_the_clock_of_this_machine() -> None:
    """Each model has a number of its own, and its time of creation."""
    noted: list[tuple[int, Note | None]] = []

    class Recorded(Notes):
        def _write(self, number: int, created: Note | None) -> None:
            noted.append((number, created))

    notes = Recorded(wall_clock=lambda: 7.0)
    with notes.hold(NAMES[0], "p"), notes.hold(NAMES[1], None):
        pass
    assert noted == [(0, Note(NAMES[0], "p", 7.0)), (1, Note(NAMES[1], None, 7.0)), (1, None), (0, None)]


def test_the_guardians_process_outlives_the_group_of_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is this interpreter in a session of its own, without output, and no argument has the key."""
    begun: list[tuple[list[str], dict[str, Any]]] = []

    def begin(command: list[str], **given: Any) -> SimpleNamespace:
        begun.append((command, given))
        return SimpleNamespace(stdin=Pipe())

    monkeypatch.setattr(subprocess, "Popen", begin)
    notes = Guardian(SETTINGS)
    with notes.hold(NAMES[0], None), notes.hold(NAMES[1], None):
        pass
    [((interpreter, *arguments, root), given)] = begun
    assert interpreter == sys.executable
    assert arguments[:2] == ["-I", "-c"]
    assert Path(root) == Path(guardian.__file__).parents[2]
    assert KEY not in " ".join(arguments)
    assert given == {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "bufsize": 0,
        "start_new_session": True,
    }
