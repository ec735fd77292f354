"""Proxy and CA file in a complete stack: the provider has the environment of `pulumi`."""

from __future__ import annotations

import pytest

from nebius_model_resource.testing.emulator import Emulator
from tests.stacks.conftest import FAILED, MakeStack, custom_models
from tests.support.calls import without_proxies
from tests.support.hostile import RawServer
from tests.support.stacks import program_with

AWAY = {"nebius-models:baseUrl": "https://models.example"}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxies(monkeypatch)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("REQUESTS_CA_BUNDLE", "/nope/ca.pem", "REQUESTS_CA_BUNDLE names '/nope/ca.pem'"),
        ("HTTPS_PROXY", "http://bob:s3#cret@127.0.0.1:18129", "HTTPS_PROXY is not the URL of a proxy"),
        ("HTTPS_PROXY", "http://bob:s3cret@{place}", "the proxy {place} answered 407 to CONNECT"),
    ],
)
def test_an_up_that_cannot_reach_the_service_says_why(
    make_stack: MakeStack, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    """The line names the variable or the proxy, says that nothing was created, and shows no password."""
    with RawServer(lambda connection, _: connection.sendall(b"HTTP/1.1 407 No\r\n\r\n")) as proxy:
        place = proxy.url.removeprefix("http://")
        monkeypatch.setenv(variable, value.format(place=place))
        stack = make_stack(config=AWAY)
        said: list[str] = []
        with pytest.raises(FAILED) as caught:
            stack.up(on_output=said.append)
        everything = "\n".join([str(caught.value), *said])
        assert f"Nebius could not be reached: {told.format(place=place)}" in everything
        assert "nothing was created: run `pulumi up` again" in everything
        assert "may have been made" not in everything
        assert "whether" not in everything
        assert "s3" not in everything
        assert custom_models(stack) == []


def test_a_short_key_and_a_proxy_for_all_change_nothing_on_loopback(
    make_stack: MakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the key `test` and every proxy set, up, refresh and destroy work without drift, and no proxy is used."""
    with Emulator(validation_seconds=0.1, api_key="test") as service, RawServer(lambda *_: None) as proxy:
        for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, proxy.url)
        program = program_with("test-bot", description="a latest test")
        stack = make_stack(program, {"nebius-models:apiKey": "test", "nebius-models:baseUrl": service.url})
        made = stack.up().outputs["generated_name"].value
        assert [model["name"] for model in service.models()] == [made]
        assert set(stack.refresh().summary.resource_changes) == {"same"}
        assert set(stack.preview().change_summary) == {"same"}
        [held] = custom_models(stack)
        assert held["id"] == made
        assert held["outputs"]["description"] == "a latest test"
        stack.destroy()
        assert service.models() == []
        assert custom_models(stack) == []
        assert proxy.connections == 0
