"""The command `nebius-models`, against the emulator over real HTTP."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import requests

from nebius_model_resource._cli.main import main
from nebius_model_resource._cli.stack_exports import is_file_id
from nebius_model_resource._service.types import CustomModelInfo
from nebius_model_resource.testing.emulator import Emulator, Fault
from tests.support import jobs
from tests.support.adapters import CONFIG, files, write_folder
from tests.support.processes import wait_until

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
Output = pytest.CaptureFixture[str]  # what was printed
KIND = "pulumi-python:dynamic/nebius:ModelArchive"
URN = f"urn:pulumi:dev::shop::{KIND}::adapter"
SHA = "0123456789abcdef" + "0" * 48
NO_STACK = '{"version": 3, "deployment": {"resources": []}}'


@pytest.fixture(autouse=True)
def account(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator, as the environment names it; standard input is empty."""
    monkeypatch.setenv("NEBIUS_API_KEY", emulator.api_key)
    monkeypatch.setenv("NEBIUS_BASE_URL", emulator.url)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return emulator


class Keyboard(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def by_hand(emulator: Emulator, **changes: Any) -> str:
    return emulator.add_model(**{"name": "bot", "base_model": BASE, "source": "file-1", **changes})


def names(emulator: Emulator) -> list[str]:
    return [model["name"] for model in emulator.models()]


def holding(*ids: str) -> str:
    kind = "pulumi-python:dynamic/nebius:CustomModel"
    resources = [{"urn": "urn", "type": kind, "id": id_} for id_ in ids]
    return json.dumps({"version": 3, "deployment": {"resources": resources}})


def test_list_is_a_table_with_the_newest_first(emulator: Emulator, capsys: Output) -> None:
    """Name, status, age, source and description are columns; a missing value is a dash."""
    old = by_hand(emulator, description="first")
    emulator.change_model(old, made_at=time.time() - 3 * 86400 - 5)
    new = by_hand(emulator, status="error", source="huggingface.co/org/repo")
    emulator.change_model(new, made_at=time.time() - 7300)
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(
        f"{'NAME':{len(new)}}  STATUS  AGE  SOURCE                   DESCRIPTION\n{new}  error   2 h "
    )
    headings, *rows = [line.split() for line in shown.splitlines()]
    assert headings == ["NAME", "STATUS", "AGE", "SOURCE", "DESCRIPTION"]
    assert rows == [
        [new, "error", "2", "h", "huggingface.co/org/repo", "-"],
        [old, "active", "3", "d", "file-1", "first"],
    ]


def test_json_has_every_field(emulator: Emulator, capsys: Output) -> None:
    """`list --json` and `show --json` give the fields of CustomModelInfo."""
    name = by_hand(emulator, description="first")
    assert main(["list", "--json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert main(["show", "--json", name.rpartition(":")[2]]) == 0
    assert json.loads(capsys.readouterr().out) == listed
    assert list(listed) == [each.name for each in fields(CustomModelInfo)]
    assert (listed["generated_name"], listed["description"]) == (name, "first")


def test_an_empty_list_is_reported_on_standard_error(capsys: Output) -> None:
    """Without models standard output is empty, and standard error has a line for people."""
    assert main(["list"]) == 0
    assert capsys.readouterr() == ("", "there are no custom models\n")
    assert main(["list", "--json"]) == 0
    assert capsys.readouterr() == ("[]\n", "")


def test_show_prints_all_fields_of_one_model(emulator: Emulator, capsys: Output) -> None:
    """Each field has a line, with the reason of a failed validation."""
    name = by_hand(emulator, status="error")
    emulator.change_model(name, status_reason="adapter_config.json is missing", made_at=1765431401)
    assert main(["show", name]) == 0
    shown = capsys.readouterr().out
    assert "status reason:  adapter_config.json is missing" in shown
    assert "created:        2025-12-11 05:36:41 UTC (" in shown


def test_texts_of_other_people_cannot_control_the_terminal(emulator: Emulator, capsys: Output) -> None:
    """Escapes and line ends of a description are removed from the output."""
    name = by_hand(emulator, description="\x1b[2Jgone\nsecond\u202eline")
    for command in (["list"], ["show", name], ["unknown", "-"]):
        sys.stdin = io.StringIO(NO_STACK)
        main(command)
        shown = capsys.readouterr().out
        assert "[2Jgone second line" in shown
        assert all(line.isprintable() for line in shown.splitlines())


def test_unknown_lists_the_models_that_no_stack_owns(
    emulator: Emulator, capsys: Output, tmp_path: Path
) -> None:
    """Files and standard input count together; the exit code is 3 with models, and 0 without."""
    one, two, three = (by_hand(emulator) for _ in range(3))
    other = by_hand(emulator, ai_project_id="aiproject-e00two")
    file = tmp_path / "dev.json"
    file.write_text(holding(one))
    sys.stdin = io.StringIO(holding(two))
    assert main(["unknown", "--names", str(file), "-"]) == 3
    assert capsys.readouterr().out.split() == [three]
    file.write_text(holding(one, two, three))
    assert main(["unknown", str(file)]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["unknown", "--names", "--ai-project-id", "aiproject-e00two", str(file)]) == 3
    assert capsys.readouterr().out == f"{other}\n"


def test_unknown_refuses_a_text_that_is_not_an_export(
    emulator: Emulator, capsys: Output, tmp_path: Path
) -> None:
    """A failed export is an error before anything is sent; it never counts as a stack without models."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for names_ in ([], [str(tmp_path / "none.json")], [str(binary)]):
        assert main(["unknown", *names_]) == 1
    empty, missing, unread = capsys.readouterr().err.splitlines()
    assert "standard input holds no deployment, it is empty" in empty
    assert "cannot be read ([Errno 2] No such file or directory: " in missing
    assert "cannot be read ('utf-8' codec can't decode byte 0xff" in unread
    assert emulator.requests() == []


def test_checkpoints_are_a_table_in_the_order_of_the_training(emulator: Emulator, capsys: Output) -> None:
    """Step, age, losses and source are columns; `--names` prints the sources, and `--json` every field."""
    emulator.settings.job_seconds = 0
    job = jobs.train(emulator, epochs=2)
    assert main(["checkpoints", "--json", job]) == 0
    first, last = json.loads(capsys.readouterr().out)
    assert set(last) == {"source", "id", "job_id", "base_model", "step_number", "created_at", "metrics"}
    assert (last["base_model"], last["metrics"]) == (jobs.BASE, {"step": 26.0, "train_loss": 0.3333})
    assert main(["checkpoints", "--names", job]) == 0
    assert capsys.readouterr().out.split() == [first["source"], last["source"]]
    assert main(["checkpoints", job]) == 0
    headings, *rows = capsys.readouterr().out.splitlines()
    assert headings.split("  ")[0] == "STEP"
    assert [row.split()[0] for row in rows] == ["13", "26"]
    assert rows[1].split()[3:] == ["0.3333", "-", last["source"]]


def test_delete_needs_yes_or_a_terminal(emulator: Emulator, capsys: Output) -> None:
    """Without a terminal nothing is deleted, which is wrong usage; `--yes` deletes by the full name that was found."""
    name = by_hand(emulator)
    assert main(["delete", name]) == 2
    assert "give --yes" in capsys.readouterr().err
    assert names(emulator) == [name]
    assert main(["delete", "--yes", name.rpartition(":")[2]]) == 0
    assert capsys.readouterr().out == f"deleted {name}\n"
    assert [request.path for request in emulator.requests("DELETE")] == [f"/v0/models/{name}"]
    assert names(emulator) == []


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), (" YES \n", 0), ("\n", 1), ("", 1)])
@pytest.mark.parametrize("noun", ["model", "endpoint"])
def test_delete_asks_at_a_terminal(
    emulator: Emulator, capsys: Output, noun: str, answer: str, code: int
) -> None:
    """Only the answer yes deletes; the question follows all that is known of the model or endpoint."""
    model, (_, key) = by_hand(emulator), endpoint(emulator)
    sys.stdin = Keyboard(answer)
    assert main(["delete", model if noun == "model" else key]) == code
    before, question, after = capsys.readouterr().err.partition(
        f"\ndelete this {noun}? this cannot be undone [y/N] "
    )
    assert question
    assert f"{'generated name' if noun == 'model' else 'routing key'}:" in before
    assert after == ("" if code == 0 else "nebius-models: not deleted\n")
    left = names(emulator) if noun == "model" else emulator.endpoints()
    assert bool(left) is (code != 0)


@pytest.mark.parametrize(
    "command", [["show", "bot-AbCd"], ["program", "bot-AbCd"], ["delete", "--yes", "bot-AbCd"]]
)
def test_a_missing_model_is_one_line(emulator: Emulator, capsys: Output, command: list[str]) -> None:
    """A name that does not exist fails with what to do, also if the service says 403."""
    assert main(command) == 1
    assert capsys.readouterr() == (
        "",
        "nebius-models: there is no model 'bot-AbCd' at the service: `nebius-models list` shows what there is\n",
    )
    emulator.settings.hidden_missing = True
    assert main(command) == 1
    assert "or this key may not see it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        ("NEBIUS_API_KEY", '"quoted"', "NEBIUS_API_KEY has quotes around it"),
        ("NEBIUS_API_KEY", "", "no Nebius API key: set the environment variable NEBIUS_API_KEY"),
        ("NEBIUS_API_KEY", "wrong-key", "check the key (NEBIUS_API_KEY)"),
        ("NEBIUS_BASE_URL", "http://example.com", "would send the key unencrypted"),
        ("NEBIUS_BASE_URL", "{url}/nothing/here", "HTTP 404"),
    ],
)
def test_messages_name_only_what_the_command_reads(
    account: Emulator, capsys: Output, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, shown: str
) -> None:
    """The command never reads the stack's configuration, and no message names it or shows the key."""
    monkeypatch.setenv(variable, value.format(url=account.url))
    commands = (["list"], ["unknown", "-"])
    for command in commands:
        sys.stdin = io.StringIO(NO_STACK)
        assert main(command) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(commands)
    for line in lines:
        assert line.startswith("nebius-models: ")
        assert shown in line
        assert not re.search("pulumi config|pulumi up|quoted|wrong-key", line)


def test_an_option_that_cannot_work_is_named(capsys: Output) -> None:
    """The message names the option, not the variable in its place."""
    assert main(["list", "--ai-project-id", "a b"]) == 1
    assert main(["list", "--base-url", "api.example.com"]) == 1
    project, base = capsys.readouterr().err.splitlines()
    assert "the project in --ai-project-id has spaces" in project
    assert "the base URL in --base-url is not a scheme, a host" in base


ACCOUNT = "[--base-url URL] [--ai-project-id ID]"
USAGE = {
    "": "COMMAND ...",
    "list": f"{ACCOUNT} [--json | --names]",
    "show": f"{ACCOUNT} [--json] NAME",
    "endpoints": f"{ACCOUNT} [--json | --names]",
    "unknown": f"{ACCOUNT} [--json | --names] [FILE ...]",
    "program": f"{ACCOUNT} NAME [NAME ...]",
    "checkpoints": f"{ACCOUNT} [--json | --names] JOB",
    "archive": "PATH",
    "plugin": "{install}",
    "delete": f"{ACCOUNT} [--yes] NAME",
}
# What the help says of each argument; `list` stands for a command in the list of commands.
ABOUT = {
    "list": "list all custom models of the project, newest first",
    "--base-url URL": "the service (default: NEBIUS_BASE_URL)",
    "--ai-project-id ID": "the project (default: NEBIUS_AI_PROJECT_ID, else the key's own)",
    "--json": "print JSON",
    "--names": "print only the ",
    "--yes": "do not ask",
    "NAME": "the generated name, full or short (`support-bot-AbCd`)",
    "FILE": "the output of `pulumi stack export`; - is standard input",
    "JOB": "the id of a job that succeeded (ftjob-…)",
    "PATH": "the folder or .zip",
    "{install}": "what to do",
}


@pytest.mark.parametrize("command", USAGE)
def test_help_has_examples(capsys: Output, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Every command explains itself and its arguments, with examples that name the command."""
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit, match="0"):
        main([*command.split(), "--help"])
    text, _, examples = capsys.readouterr().out.partition("\nexamples:\n")
    name = f"nebius-models {command}".strip()
    assert text.startswith(f"usage: {name} [-h] {USAGE[command]}\n\n{'Look at' if not command else ''}")
    assert name in examples.splitlines()[0]
    told = dict(re.findall(r"^ +(\S.*?)  +(\S.*)$", text, re.MULTILINE))
    asked = {each for each in ABOUT if each in USAGE[command] or (each == "list" and not command)}
    assert asked <= told.keys()
    assert [each for each in asked if not told[each].startswith(ABOUT[each])] == []


@pytest.mark.parametrize("wrong", ["", "lsit", "show", "archive --base-url x a", "list --json --names"])
def test_wrong_usage_is_exit_code_two(capsys: Output, wrong: str) -> None:
    """The message shows the usage."""
    with pytest.raises(SystemExit, match="2"):
        main(wrong.split())
    assert "usage: nebius-models" in capsys.readouterr().err


def test_a_reader_that_closes_the_pipe_is_no_error(emulator: Emulator) -> None:
    """`nebius-models list | head` ends quietly."""
    by_hand(emulator)
    with subprocess.Popen(
        [sys.executable, "-m", "nebius_model_resource", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(timeout=60) == 0


def test_ctrl_c_ends_the_command_with_130_and_no_word(emulator: Emulator) -> None:
    """As a shell reports it, in the middle of a request that is not answered."""
    emulator.add_fault(Fault(action="hang"))
    command = [sys.executable, "-m", "nebius_model_resource", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        wait_until(emulator.requests, "the request is sent")
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, b"")


def upload(
    emulator: Emulator, token: str = "00000000", filename: str = "adapter-0123456789abcdef-{}.zip"
) -> str:
    answer = requests.post(
        f"{emulator.url}/v0/models/upload",
        files={"file": (filename.format(token), b"12345")},
        headers={"Authorization": f"Bearer {emulator.api_key}"},
        timeout=60,
    )
    return str(answer.json()["id"])


def file_ids(emulator: Emulator) -> list[str]:
    return [each["id"] for each in emulator.files()]


def exported(*resources: dict[str, Any], pending: tuple[dict[str, Any], ...] = ()) -> str:
    owned = [{"urn": URN, "type": KIND, **each} for each in resources]
    operations = [{"type": "creating", "resource": {"urn": URN, "type": KIND, **each}} for each in pending]
    return json.dumps({"version": 3, "deployment": {"resources": owned, "pending_operations": operations}})


def unknown(text: str, *options: str) -> int:
    sys.stdin = io.StringIO(text)
    return main(["unknown", *options, "-"])


def test_unknown_lists_the_uploads_that_no_stack_owns(emulator: Emulator, capsys: Output) -> None:
    """Only names that this package gives count; a file that is pending deletion, or of a subclass, is owned."""
    one, replaced, of_subclass, lost = (upload(emulator, token=f"{n:08x}") for n in range(4))
    upload(emulator, filename="training.jsonl")
    own = ({"id": one}, {"id": replaced, "delete": True}, {"id": of_subclass, "type": "x:Adapter"})
    assert unknown(exported(*own)) == 3
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["FILE", "SIZE", "AGE", "FILE", "NAME"]
    assert row.split()[:3] == [lost, "5", "bytes"]
    assert row.endswith("adapter-0123456789abcdef-00000003.zip")
    assert unknown(exported(*own, {"id": lost, "external": True})) == 3  # `ModelArchive.get` owns nothing
    assert f"read by {URN}" in capsys.readouterr().out
    assert unknown(exported(*own, {"id": lost})) == 0
    assert capsys.readouterr() == ("", "")


def test_models_and_files_come_together(emulator: Emulator, capsys: Output) -> None:
    """The tables follow one another; `--names` and `--json` have the models first, then the files."""
    file = upload(emulator)
    model = by_hand(emulator, source=file)
    assert unknown(exported()) == 3
    models, files = capsys.readouterr().out.split("\n\n")
    assert model in models
    assert file in files
    assert unknown(exported(), "--names") == 3
    assert capsys.readouterr().out.split() == [model, file]
    assert unknown(exported(), "--json") == 3
    first, second = json.loads(capsys.readouterr().out)
    assert first["generated_name"] == model
    assert (second["id"], second["size"]) == (file, 5)
    assert set(second) == {"id", "filename", "size", "created_at", "purpose", "status"}


@pytest.mark.parametrize(
    ("inputs", "fits"),
    [
        ({"path": "./other", "sha256": SHA}, True),
        ({"path": "./other"}, False),
        ({"path": {"secret": "…"}}, True),
    ],
)
def test_an_interrupted_upload_is_noted_at_what_it_may_have_created(
    emulator: Emulator, capsys: Output, inputs: dict[str, Any], fits: bool
) -> None:
    """The hash decides first, then the name of the folder; an encrypted path fits every file."""
    upload(emulator)
    assert unknown(exported(pending=({"inputs": inputs},))) == 3
    assert (f"may come from the interrupted create of {URN}" in capsys.readouterr().out) is fits


def test_a_refused_deletion_is_one_line_with_the_reason(emulator: Emulator, capsys: Output) -> None:
    """A service that refuses to delete a used file is quoted, and the file stays."""
    emulator.settings.refuse_deletion_of_used_files = True
    file = upload(emulator)
    by_hand(emulator, source=file)
    assert main(["delete", "--yes", file]) == 1
    assert f"The file `{file}` is used by a model" in capsys.readouterr().err
    assert file_ids(emulator) == [file]


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_service_without_a_list_of_files_is_a_warning(
    emulator: Emulator, capsys: Output, status: int
) -> None:
    """The models are still listed, and the exit code is theirs."""
    emulator.add_fault(Fault(path="/v1/files", status=status, times=None))
    assert unknown(exported()) == 0
    assert "warning: uploaded files are not checked, their list" in capsys.readouterr().err
    model = by_hand(emulator)
    assert unknown(exported(), "--names") == 3
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == (f"{model}\n", 1)


def test_program_declares_each_model_once_and_no_file(
    emulator: Emulator, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model may be given by both its names, in the environment's project; files may come along, but not alone."""
    monkeypatch.setenv("NEBIUS_AI_PROJECT_ID", "aiproject-e00one")
    file = upload(emulator)
    model = by_hand(emulator, source=file)
    assert main(["program", model, model.rpartition(":")[2], file]) == 0
    out, err = capsys.readouterr()
    assert out.count("CustomModel(") == 1
    assert f'import_="{model}"' in out
    assert 'ai_project_id="aiproject-e00one"' in out
    assert "files and endpoints are left out" in err
    assert main(["program", file]) == 1
    assert capsys.readouterr().out == ""


def test_delete_deletes_one_file(emulator: Emulator, capsys: Output) -> None:
    """`--yes` asks no question; a file that does not exist, and a missing answer, are errors."""
    file, other = upload(emulator), upload(emulator, token="11111111")
    assert main(["delete", "--yes", file]) == 0
    assert main(["delete", "--yes", file]) == 1
    out, err = capsys.readouterr()
    assert out == f"deleted {file}\n"
    assert (
        err.splitlines()[-1]
        == f"nebius-models: there is no file '{file}' at the service: check the id and the project"
    )
    assert file_ids(emulator) == [other]


def test_a_generated_name_is_not_the_id_of_a_file() -> None:
    """A model with a name that starts with `file` is still deleted as a model."""
    assert all(map(is_file_id, ("file-01234567-89ab-cdef-0123-456789abcdef", "file-1")))
    models = ("file-AbCd", "file-bot-AbCd", f"{BASE}-LoRa:file-1", "bot-AbCd")
    assert not any(map(is_file_id, models))


@pytest.mark.parametrize("used", [True, False])
def test_the_effects_of_deleting_a_file_are_shown_before_the_question(
    emulator: Emulator, capsys: Output, *, used: bool
) -> None:
    """The question follows the file, the models that use it, and what a stack does about it."""
    file = upload(emulator)
    models = [by_hand(emulator, source=file)] if used else []
    by_hand(emulator, source="file-other")
    sys.stdin = Keyboard("n\n")
    assert main(["delete", file]) == 1
    shown = capsys.readouterr().err
    warning = (
        "the service does not document whether a model works without the file: delete the models first\n"
    )
    assert re.sub(r"created: .*\n", "", shown) == (
        f"id:             {file}\n"
        "filename:       adapter-0123456789abcdef-00000000.zip\n"
        "size:           5 bytes\n"
        "purpose:        model_archive\n"
        "status:         -\n"
        f"source of:      {', '.join(models) or '-'}\n"
        f"{warning if used else ''}"
        "a stack that owns the file uploads it again in the `pulumi up` after its next refresh\n"
        "delete this file? this cannot be undone [y/N] nebius-models: not deleted\n"
    )
    assert file_ids(emulator) == [file]


def test_unknown_asks_for_an_export_at_a_terminal(capsys: Output) -> None:
    """It would wait for what nobody types."""
    for arguments in ([], ["-"]):
        sys.stdin = Keyboard()
        assert main(["unknown", *arguments]) == 2
        told = "nothing to read: run `pulumi stack export | nebius-models unknown`, or give files"
        assert capsys.readouterr() == ("", f"nebius-models: {told}\n")


def test_unknown_looks_in_one_project_and_has_the_newest_first(emulator: Emulator, capsys: Output) -> None:
    """The project counts for all three lists; a column of notes is there if one has a note."""
    first, second = upload(emulator), upload(emulator, token="11111111")
    store = emulator.service.files
    store.put(store.find(first).model_copy(update={"created_at": 1000}))
    key = endpoint(emulator)[1]
    assert unknown(exported(), "--names") == 3
    assert capsys.readouterr().out.split() == [second, first, key]
    assert unknown(exported(pending=({"inputs": {"path": "x", "sha256": SHA}},))) == 3
    heading, *_ = capsys.readouterr().out.splitlines()
    assert heading.split() == ["FILE", "SIZE", "AGE", "FILE", "NAME", "NOTE"]
    emulator.clear_requests()
    two = ("--ai-project-id", "aiproject-e00two")
    unknown(exported(), *two)
    main(["endpoints", *two])
    main(["delete", "--yes", *two, "dedicated/none"])
    assert [(request.path, request.query) for request in emulator.requests()] == [
        (path, {"ai_project_id": "aiproject-e00two"})
        for path in ("/v0/models", "/v1/files", *["/v0/dedicated_endpoints"] * 3)
    ]


def test_a_list_of_files_with_gaps_is_a_warning(emulator: Emulator, capsys: Output) -> None:
    """What cannot be read may be unknown too."""
    file = upload(emulator)
    entries = [*emulator.files(), {}]
    emulator.add_fault(Fault(path="/v1/files", status=200, body={"data": entries}, times=None))
    assert unknown(exported(), "--names") == 3
    told = "nebius-models: warning: the list of files is not complete: more files may be unknown\n"
    assert capsys.readouterr() == (f"{file}\n", told)


def test_an_adapter_is_shown(tmp_path: Path, capsys: Output) -> None:
    """A good folder exits with 0 and shows rank, base, tensors, size and hash; warnings go to standard error."""
    config = json.dumps({**CONFIG, "r": 4, "base_model_name_or_path": "a\x1b[2J/b"}).encode()
    folder = write_folder(tmp_path / "a", {**files(), "adapter_config.json": config})
    assert main(["archive", str(folder)]) == 0
    shown = capsys.readouterr()
    told = dict(line.split(":", 1) for line in shown.out.splitlines())
    digest, size = told.pop("sha256").strip(), sum(each.stat().st_size for each in folder.iterdir())
    assert {name: value.strip() for name, value in told.items()} == {
        "path": str(folder),
        "rank": "4 (alpha 32)",
        "base model": "a [2J/b",
        "target modules": "q_proj, v_proj",
        "tensors": "2 (BF16)",
        "files": "adapter_config.json, adapter_model.safetensors",
        "size": f"{size} bytes ({size} bytes)",
    }
    assert len(digest) == 64
    assert shown.err.startswith("nebius-models: warning: the rank (r) is 4")


def test_the_command_needs_no_key(tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs without a key and with a base URL that cannot work; what is no adapter is one line and exit code 1."""
    monkeypatch.delenv("NEBIUS_API_KEY", raising=False)
    monkeypatch.setenv("NEBIUS_BASE_URL", "ftp://nowhere")
    assert main(["archive", str(write_folder(tmp_path / "a", files()))]) == 0
    assert "rank:" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert main(["archive", str(tmp_path / "empty")]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("nebius-models: ")
    assert "lacks adapter_config.json" in err


def test_a_terminal_without_the_letters_shows_their_escapes(emulator: Emulator) -> None:
    """Where standard output is ASCII, the list is printed and the program is still the same Python."""
    name = emulator.add_model(name="bot", base_model="a/B", description="größe", source="file-1")
    environ = {
        "NEBIUS_API_KEY": emulator.api_key,
        "NEBIUS_BASE_URL": emulator.url,
        "PYTHONIOENCODING": "ascii",
    }
    for arguments in (["list"], ["program", name]):
        command = [sys.executable, "-m", "nebius_model_resource", *arguments]
        done = subprocess.run(
            command, env={**os.environ, **environ}, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "gr\\xf6\\xdfe" in done.stdout


def endpoint(emulator: Emulator, **fields: Any) -> tuple[str, str]:
    """Id and routing key of an endpoint that was created by hand."""
    made = emulator.service.endpoints.add(name="bot", **fields)
    return made.id, str(made.routing_key)


def test_endpoints_are_a_table_with_the_newest_first(emulator: Emulator, capsys: Output) -> None:
    """Routing key, status, replicas, age, model, GPUs and region are columns; `--json` has every field."""
    assert main(["endpoints"]) == 0
    assert capsys.readouterr() == ("", "there are no dedicated endpoints\n")
    (_, old), (_, new) = endpoint(emulator, made_at=1000), endpoint(emulator, status="stopped", gpu_count=4)
    assert main(["endpoints"]) == 0
    headings, first, second = capsys.readouterr().out.splitlines()
    assert headings.split() == ["ROUTING", "KEY", "STATUS", "READY", "AGE", "MODEL", "GPUS", "REGION"]
    assert (first.split()[:3], second.split()[:3]) == ([new, "stopped", "0"], [old, "running", "1"])
    assert first.endswith("meta-llama/Llama-3.3-70B-Instruct  4 x gpu-h100-sxm  eu-north1")
    assert main(["endpoints", "--names"]) == main(["endpoints", "--json"]) == 0
    names_, _, listed = capsys.readouterr().out.partition("[\n")
    assert names_.split() == [new, old]
    assert [each["inference_url"] for each in json.loads(f"[{listed}")] == [f"{emulator.url}/v1"] * 2


def test_unknown_lists_the_endpoints_that_no_stack_owns(emulator: Emulator, capsys: Output) -> None:
    """That of an interrupted create is noted; a subclass owns its endpoint; a service without the list is a warning."""
    type_ = {"type": "pulumi-python:dynamic/nebius:DedicatedEndpoint"}
    subclass = {"type": "pulumi-python:dynamic/shop:Bot", "id": endpoint(emulator)[0]}
    (id_, key), (_, other) = endpoint(emulator), endpoint(emulator)
    interrupted = {**type_, "inputs": {"routing_key": other}}
    assert unknown(exported({**type_, "id": id_}, subclass, pending=(interrupted,))) == 3
    _, row = capsys.readouterr().out.splitlines()
    assert (row.split()[0], row.endswith(f"may come from the interrupted create of {URN}")) == (other, True)
    assert (
        unknown(exported({**type_, "id": id_, "external": True}, subclass), "--names") == 3
    )  # `get` owns nothing
    assert sorted(capsys.readouterr().out.split()) == sorted([key, other])
    emulator.add_fault(Fault(path="/v0/dedicated_endpoints", status=404, times=None))
    assert unknown(exported()) == 0
    assert "warning: endpoints are not checked, their list" in capsys.readouterr().err


def test_delete_deletes_one_endpoint_by_its_routing_key(emulator: Emulator, capsys: Output) -> None:
    """A key that does not exist is one line with what to do."""
    (_, key), (_, other) = endpoint(emulator), endpoint(emulator)
    assert main(["delete", "--yes", key]) == 0
    assert main(["delete", "--yes", key]) == 1
    why = f"there is no endpoint {key!r} at the service: `nebius-models endpoints` shows what there is"
    assert capsys.readouterr() == (f"deleted {key}\n", f"nebius-models: {why}\n")
    assert [each["routing_key"] for each in emulator.endpoints()] == [other]
