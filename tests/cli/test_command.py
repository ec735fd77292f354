"""The command `nebius-models`, against the emulator over real HTTP."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import time
from typing import Any

import pytest

from nebius_model_resource._cli.main import main
from nebius_model_resource.testing.emulator import Emulator
from tests.support import jobs
from tests.support.hostile import RawServer

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct"
NO_STACK = '{"version": 3, "deployment": {"resources": []}}'


@pytest.fixture(autouse=True)
def _environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEBIUS_API_KEY", emulator.api_key)
    monkeypatch.setenv("NEBIUS_BASE_URL", emulator.url)
    monkeypatch.setattr("sys.stdin", io.StringIO())


def by_hand(emulator: Emulator, **changes: Any) -> str:
    return emulator.add_model(**{"name": "bot", "base_model": BASE, "source": "file-1", **changes})


def names(emulator: Emulator) -> list[str]:
    return [model["name"] for model in emulator.models()]


def holding(*ids: str) -> str:
    kind = "pulumi-python:dynamic/nebius:CustomModel"
    resources = [{"urn": "urn", "type": kind, "id": id_} for id_ in ids]
    return json.dumps({"version": 3, "deployment": {"resources": resources}})


def test_list_is_a_table_with_the_newest_first(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Name, status, age, source and description are columns; a missing value is a dash."""
    old = by_hand(emulator, description="first")
    emulator.change_model(old, made_at=time.time() - 3 * 86400 - 5)
    new = by_hand(emulator, status="error", source="huggingface.co/org/repo")
    emulator.change_model(new, made_at=time.time() - 7300)
    assert main(["list"]) == 0
    headings, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert headings == ["NAME", "STATUS", "AGE", "SOURCE", "DESCRIPTION"]
    assert rows == [
        [new, "error", "2", "h", "huggingface.co/org/repo", "-"],
        [old, "active", "3", "d", "file-1", "first"],
    ]


def test_json_has_every_field(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """`list --json` and `show --json` give the fields of CustomModelInfo."""
    name = by_hand(emulator, description="first")
    [model] = emulator.models()
    wanted = {
        "generated_name": name,
        "name": "bot",
        "base_model": BASE,
        "source": "file-1",
        "description": "first",
        "status": "active",
        "status_reason": None,
        "created_at": model["created_at"],
    }
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [wanted]
    assert main(["show", "--json", name.rpartition(":")[2]]) == 0
    assert json.loads(capsys.readouterr().out) == wanted


def test_an_empty_list_is_reported_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Without models standard output is empty, and standard error has a line for people."""
    assert main(["list"]) == 0
    assert capsys.readouterr() == ("", "there are no custom models\n")
    assert main(["list", "--json"]) == 0
    assert capsys.readouterr() == ("[]\n", "")


def test_show_prints_all_fields_of_one_model(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """Each field has a line, with the reason of a failed validation."""
    name = by_hand(emulator, status="error")
    emulator.change_model(name, status_reason="adapter_config.json is missing", made_at=1765431401)
    assert main(["show", name]) == 0
    shown = capsys.readouterr().out
    assert "status reason:  adapter_config.json is missing" in shown
    assert "created:        2025-12-11 05:36:41 UTC (" in shown


def test_texts_of_other_people_cannot_control_the_terminal(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escapes and line ends of a description are removed from the output."""
    name = by_hand(emulator, description="\x1b[2Jgone\nsecond\u202eline")
    for command in (["list"], ["show", name], ["unknown", "-"]):
        sys.stdin = io.StringIO(NO_STACK)
        main(command)
        shown = capsys.readouterr().out
        assert "[2Jgone second line" in shown
        assert all(line.isprintable() for line in shown.splitlines())


def test_unknown_lists_the_models_that_no_stack_owns(
    emulator: Emulator, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    """Files and standard input count together; the exit code is 3 with models, and 0 without output and models."""
    one, two, three = (by_hand(emulator) for _ in range(3))
    file = tmp_path / "dev.json"
    file.write_text(holding(one))
    sys.stdin = io.StringIO(holding(two))
    assert main(["unknown", str(file), "-"]) == 3
    shown = capsys.readouterr().out
    assert three in shown
    assert one not in shown
    assert two not in shown
    file.write_text(holding(one, two, three))
    assert main(["unknown", str(file)]) == 0
    assert capsys.readouterr() == ("", "")


def test_unknown_lists_one_project(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """`--ai-project-id` chooses the list."""
    by_hand(emulator)
    other = by_hand(emulator, ai_project_id="aiproject-e00two")
    sys.stdin = io.StringIO(NO_STACK)
    assert main(["unknown", "--names", "--ai-project-id", "aiproject-e00two"]) == 3
    assert capsys.readouterr().out == f"{other}\n"


def test_unknown_refuses_a_text_that_is_not_an_export(
    emulator: Emulator, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    """A failed export is an error before anything is sent; it never counts as a stack without models."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    assert main(["unknown"]) == 1
    assert main(["unknown", str(tmp_path / "none.json")]) == 1
    assert main(["unknown", str(binary)]) == 1
    empty, missing, unread = capsys.readouterr().err.splitlines()
    assert "standard input holds no deployment, it is empty: give what `pulumi stack export` prints" in empty
    assert "cannot be read (No such file or directory)" in missing
    assert "it is not UTF-8" in unread
    assert emulator.requests() == []


def test_program_declares_each_model_once(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """A model given by both its names is declared once."""
    name = by_hand(emulator)
    assert main(["program", name, name.rpartition(":")[2]]) == 0
    shown = capsys.readouterr().out
    assert shown.count("CustomModel(") == 1
    assert f'import_="{name}"' in shown


def test_checkpoints_are_a_table_in_the_order_of_the_training(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
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


def test_a_job_without_checkpoints_to_use_is_exit_code_one(
    emulator: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown job, a running job and another kind of id each give one line."""
    running = jobs.train(emulator)
    for job in ("ftjob-none", running, "file-1"):
        assert main(["checkpoints", "--json", job]) == 1
    out, err = capsys.readouterr()
    unknown, unfinished, wrong = err.splitlines()
    assert out == ""
    assert unknown.startswith("nebius-models: there is no fine-tuning job 'ftjob-none' at the service: check")
    assert unfinished.startswith(
        f"nebius-models: fine-tuning job '{running}' is not finished (status 'running'"
    )
    assert wrong.startswith("nebius-models: job_id: 'file-1' is the id of a file: give the id of its")


def test_delete_deletes_with_yes(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """`--yes` asks no question, and reports what was deleted."""
    name = by_hand(emulator)
    assert main(["delete", "--yes", name.rpartition(":")[2]]) == 0
    assert capsys.readouterr().out == f"deleted {name}\n"
    assert names(emulator) == []


def test_delete_without_a_terminal_needs_yes(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal the command deletes nothing, and exits with the code of wrong usage."""
    name = by_hand(emulator)
    assert main(["delete", name]) == 2
    assert "give --yes" in capsys.readouterr().err
    assert names(emulator) == [name]


@pytest.mark.parametrize(
    ("answer", "code"), [(b"y\n", 0), (b"yes\n", 0), (b"\n", 1), (b"n\n", 1), (b"\x04", 1)]
)
def test_delete_asks_at_a_terminal(emulator: Emulator, answer: bytes, code: int) -> None:
    """Only the answer yes deletes."""
    name = by_hand(emulator)
    keyboard, terminal = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "nebius_model_resource", "delete", name],
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as running:
            os.write(keyboard, answer)
            _, asked = running.communicate(timeout=60)
        assert running.returncode == code
        assert b"delete this model? this cannot be undone [y/N]" in asked
        assert names(emulator) == ([] if code == 0 else [name])
    finally:
        os.close(keyboard)
        os.close(terminal)


@pytest.mark.parametrize(
    "command", [["show", "bot-AbCd"], ["program", "bot-AbCd"], ["delete", "--yes", "bot-AbCd"]]
)
def test_a_missing_model_is_one_line(
    emulator: Emulator, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """A name that does not exist fails with what to do, also if the service says 403."""
    assert main(command) == 1
    assert capsys.readouterr() == (
        "",
        "nebius-models: there is no model 'bot-AbCd' at the service: `nebius-models list` shows what there is\n",
    )
    emulator.settings.hidden_missing = True
    assert main(command) == 1
    assert "or this key may not see it" in capsys.readouterr().err


def test_a_deleted_model_is_not_shown(emulator: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """If the service still shows deleted models, the command does not."""
    emulator.settings.after_delete = "deleted"
    name = by_hand(emulator)
    emulator.remove_model(name)
    assert main(["list", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"
    assert main(["show", name]) == 1
    assert "it was deleted" in capsys.readouterr().err


def test_bad_configuration_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The messages about a missing key, a refused key and a plain http URL say what to do, and do not show the key."""
    assert main(["list", "--base-url", "http://example.com"]) == 1
    monkeypatch.setenv("NEBIUS_API_KEY", "secret-but-wrong")
    assert main(["list"]) == 1
    monkeypatch.delenv("NEBIUS_API_KEY")
    assert main(["list"]) == 1
    clear, refused, none = capsys.readouterr().err.splitlines()
    assert "would send the key unencrypted" in clear
    assert "Nebius refused the key" in refused
    assert "check NEBIUS_API_KEY" in refused
    assert "secret-but-wrong" not in refused
    assert none == "nebius-models: no Nebius API key: set the environment variable NEBIUS_API_KEY"


def test_messages_name_only_what_the_command_reads(
    emulator: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command never reads the stack's configuration, and no message names it."""
    commands = [
        ["list"],
        ["show", "a-AbCd"],
        ["unknown", "-"],
        ["program", "a-AbCd"],
        ["checkpoints", "ftjob-1"],
        ["delete", "--yes", "a-AbCd"],
    ]
    wrong = [
        ("NEBIUS_API_KEY", '"quoted"'),
        ("NEBIUS_API_KEY", ""),
        ("NEBIUS_BASE_URL", "ftp://x"),
        ("NEBIUS_BASE_URL", f"{emulator.url}/v1/models"),
        ("NEBIUS_BASE_URL", "http://127.0.0.1:9"),
        ("NEBIUS_BASE_URL", f"{emulator.url}/nothing/here"),
        ("NEBIUS_API_KEY", "wrong-key"),
        ("NEBIUS_AI_PROJECT_ID", "a b"),
    ]
    monkeypatch.setattr("nebius_model_resource._api.connection.backoff", lambda *_: 0.0)
    for variable, value in wrong:
        with monkeypatch.context() as patched:
            patched.setenv(variable, value)
            for command in commands:
                patched.setattr("sys.stdin", io.StringIO(NO_STACK))
                main(command)
    assert main(["list", "--ai-project-id", "a b"]) == 1
    assert main(["list", "--base-url", "api.example.com"]) == 1
    shown = capsys.readouterr().err
    assert "the Nebius API key in NEBIUS_API_KEY has quotes around it" in shown
    assert "the project in --ai-project-id has spaces" in shown
    assert "the base URL 'api.example.com' in --base-url has no scheme" in shown
    for never in ("pulumi config", "nebius:", "pulumi up", "quoted", "wrong-key"):
        assert never not in shown


def test_a_base_url_for_openai_serves_the_command(
    emulator: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `/v1/` at its end, in the variable or the option, the models are listed; a cloud project causes a hint."""
    name = by_hand(emulator, ai_project_id="project-e00x")
    options = ["list", "--names", "--ai-project-id", "project-e00x"]
    monkeypatch.setenv("NEBIUS_BASE_URL", f"{emulator.url}/v1/")
    assert main(options) == 0
    assert main([*options, "--base-url", f"{emulator.url}/v0"]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{name}\n" * 2
    assert shown.err.startswith(
        "nebius-models: warning: --ai-project-id 'project-e00x' looks like a project of"
    )


@pytest.mark.parametrize(
    ("variable", "value", "shown"),
    [
        (
            "REQUESTS_CA_BUNDLE",
            "/nope/ca.pem",
            "which cannot be read: No such file or directory; set REQUESTS_CA_BUNDLE to a PEM file",
        ),
        (
            "HTTPS_PROXY",
            "http://bob:s3#cret@127.0.0.1:1",
            "HTTPS_PROXY is not the URL of a proxy; set HTTPS_PROXY to",
        ),
        ("HTTPS_PROXY", "http://127.0.0.1:0", "HTTPS_PROXY is not the URL of a proxy; set HTTPS_PROXY to"),
        ("NO_PROXY", "a..b", "; check the network, and NEBIUS_BASE_URL or --base-url"),
    ],
)
def test_a_network_setting_that_cannot_work_is_reported_with_its_fix(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, variable: str, value: str, shown: str
) -> None:
    """A CA file, a proxy or a host that cannot work gives one line, without the proxy's password."""
    monkeypatch.setenv(variable, value)
    assert main(["list", "--base-url", "https://a..b"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("nebius-models: Nebius could not be reached: ")
    assert shown in err
    assert err.count("\n") == 1
    assert "s3" not in err


def test_loopback_never_goes_through_a_proxy(
    emulator: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever variable names a proxy, the command calls the emulator, and the proxy gets no connection."""
    name = by_hand(emulator)
    with RawServer(lambda *_: None) as proxy:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, proxy.url)
        assert main(["list", "--names"]) == 0
        assert capsys.readouterr().out == f"{name}\n"
        assert proxy.connections == 0


def test_the_key_is_masked_in_texts_of_other_people(
    emulator: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In tables and details a description is shown without the key; as JSON it is data."""
    key = "key-0123456789abcdef"
    monkeypatch.setenv("NEBIUS_API_KEY", key)
    emulator.settings.api_key = key
    name = by_hand(emulator, description=f"told {key}")
    for command in (["list"], ["show", name]):
        assert main(command) == 0
        assert "told [api key]" in capsys.readouterr().out
    assert main(["show", "--json", name]) == 0
    assert json.loads(capsys.readouterr().out)["description"] == f"told {key}"


@pytest.mark.parametrize(
    "command",
    [[], ["list"], ["show"], ["unknown"], ["program"], ["checkpoints"], ["archive"], ["delete"]],
)
def test_help_has_examples(capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    """Every command explains itself, with examples that name the command."""
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    _, _, examples = capsys.readouterr().out.partition("examples:\n")
    assert " ".join(["nebius-models", *command]) in examples


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["lsit"],
        ["show"],
        ["program"],
        ["checkpoints"],
        ["archive"],
        ["archive", "--base-url", "http://127.0.0.1", "a"],
        ["list", "--json", "--names"],
    ],
)
def test_wrong_usage_is_exit_code_two(capsys: pytest.CaptureFixture[str], wrong: list[str]) -> None:
    """The message shows the usage."""
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
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
