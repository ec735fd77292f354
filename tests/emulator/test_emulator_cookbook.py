"""The requests of the public cookbook, in its order, in our own code."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import requests

from nebius_model_resource.testing.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAINED = "meta-llama/Llama-3.1-8B-Instruct"
DEPLOYED = "meta-llama/Meta-Llama-3.1-8B-Instruct"
ROWS = b"".join(
    json.dumps({"messages": [{"role": "user", "content": "hi"}]}).encode() + b"\n" for _ in range(9)
)
HYPERPARAMETERS = {
    "batch_size": 32,
    "learning_rate_multiplier": 2e-5,
    "n_epochs": 5,
    "warmup_ratio": 0.03,
    "weight_decay": 0,
    "lora": True,
    "packing": True,
}


class Notebook:
    """The service as a notebook sees it: a base URL and a key, a new connection for each call."""

    def __init__(self, emulator: Emulator) -> None:
        self.url = emulator.url
        self.key = emulator.api_key

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = requests.request(method, self.url + path, headers=headers, timeout=60, **options)
        assert answer.status_code == 200, answer.text
        return answer

    def get(self, path: str) -> Any:
        return self.send("GET", path).json()

    def post(self, path: str, body: Any) -> Any:
        return self.send("POST", path, json=body).json()

    def upload(self, name: str, content: bytes) -> str:
        sent = {"files": {"file": (name, content)}, "data": {"purpose": "fine-tune"}}
        return str(self.send("POST", "/v1/files", **sent).json()["id"])

    def wait(self, path: str, pending: set[str]) -> Any:
        deadline = time.monotonic() + 60
        while (document := self.get(path))["status"] in pending:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return document

    def chat(self, model: str, **fields: Any) -> Any:
        messages = [
            {"role": "system", "content": "You are helpful"},
            {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        ]
        return self.post("/v1/chat/completions", {"model": model, "messages": messages, **fields})


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    with Emulator(validation_seconds=0.1, job_seconds=0.2, check_sources=True) as emulator:
        yield Notebook(emulator)


def test_fine_tune_deploy_and_chat(notebook: Notebook) -> None:
    """All steps work: training files, a job, its events, metrics and files, a model of its last checkpoint, a chat."""
    baseline = notebook.chat(DEPLOYED)["choices"][0]["message"]["content"]
    train, valid = notebook.upload("train.jsonl", ROWS), notebook.upload("valid.jsonl", ROWS)
    request = {
        "model": TRAINED,
        "suffix": "demo-run",
        "training_file": train,
        "validation_file": valid,
        "hyperparameters": HYPERPARAMETERS,
    }
    job = notebook.post("/v1/fine_tuning/jobs", request)
    assert {**job["hyperparameters"], **HYPERPARAMETERS} == job["hyperparameters"]
    path = f"/v1/fine_tuning/jobs/{job['id']}"
    job = notebook.wait(path, {"validating_files", "queued", "running"})
    assert job["status"] == "succeeded"
    assert job["trained_tokens"] > 0
    assert notebook.get(f"{path}/events")["data"][-1]["message"] == "Training completed successfully"
    checkpoints = notebook.get(f"{path}/checkpoints")["data"]
    losses = [(each["metrics"]["train_loss"], each["metrics"]["valid_loss"]) for each in checkpoints]
    assert losses == sorted(losses, reverse=True)
    assert len(losses) == 5
    best = checkpoints[-1]
    files = {
        notebook.get(f"/v1/files/{each}")["filename"].split("/")[1]: notebook.send(
            "GET", f"/v1/files/{each}/content"
        ).content
        for each in best["result_files"]
    }
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] == TRAINED
    body = {
        "name": "my-finetuned-model",
        "base_model": DEPLOYED,
        "source": f"{job['id']}:{best['id']}",
        "description": "Fine tuned model",
    }
    name = notebook.post("/v0/models", body)["name"]
    model = notebook.wait(f"/v0/models/{name}", {"validating"})
    assert (model["status"], model["job_id"], model["checkpoint_id"]) == ("active", job["id"], best["id"])
    answer = notebook.chat(name)
    assert (answer["model"], answer["choices"][0]["message"]["content"]) == (name, baseline)


def test_an_adapter_is_uploaded_listed_called_and_deleted(notebook: Notebook) -> None:
    """An archive of an adapter becomes a model, the last one of the list, which answers and is deleted below /v1."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("adapter_config.json", "{}")
        archive.writestr("adapter_model.safetensors", b"\0")
    upload = {"files": {"file": ("LORA.zip", packed.getvalue())}}
    file_id = notebook.send("POST", "/v0/models/upload", **upload).json()["id"]
    body = {"source": file_id, "base_model": DEPLOYED, "name": "Test", "description": "description"}
    made = notebook.post("/v0/models", body)
    notebook.wait(f"/v0/models/{made['name']}", {"validating"})
    last = notebook.get("/v0/models")[-1]
    assert (last["name"], last["file_id"], last["status"]) == (made["name"], file_id, "active")
    assert last["name"] in {each["id"] for each in notebook.get("/v1/models")["data"]}
    assert notebook.chat(last["name"])["model"] == last["name"]
    short = last["name"].partition("-LoRa:")[2]
    assert notebook.send("DELETE", f"/v1/models/{short}").json()["status"] == "deleted"
    assert notebook.get("/v0/models") == []
