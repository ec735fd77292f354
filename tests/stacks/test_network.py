"""A proxy in a complete stack: the provider has the environment of `pulumi`."""

from __future__ import annotations

import re

import pytest

from tests.stacks.conftest import FAILED, MakeStack, custom_models
from tests.support.calls import without_proxies
from tests.support.hostile import RawServer


def test_an_up_behind_a_proxy_that_refuses_says_why(
    make_stack: MakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names the variable, says that nothing was created, and shows no user and no password of the proxy."""
    without_proxies(monkeypatch)
    with RawServer(lambda connection, _: connection.sendall(b"HTTP/1.1 407 No\r\n\r\n")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//bob:s3cret@"))
        stack = make_stack(config={"nebius-models:baseUrl": "https://models.example"})
        said: list[str] = []
        with pytest.raises(FAILED) as caught:
            stack.up(on_output=said.append)
    everything = "\n".join([str(caught.value), *said])
    [line] = set(re.findall("error: (Nebius could not be reached: .*)", str(caught.value)))
    assert "407" in line
    assert "HTTPS_PROXY" in line
    assert "nothing was created: run `pulumi up` again" in everything
    assert not re.search("bob|s3cret", everything)
    assert custom_models(stack) == []
