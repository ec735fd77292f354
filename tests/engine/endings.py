"""How programs end, and what they and their providers print and export."""

from __future__ import annotations

from .lab import Scenario, Turn
from .parts import A, B, after, item, of

PRINTS = {"out": "said on the output", "err": "said on the error"}

EVERY_TIME = {
    "the program exits with 0",
    "the program exits with 3",
    "the program exits with a text",
    "the program prints",
    "the program warns",
    "custom_timeouts of every kind",
    "large numbers",
    "a resource with secrets is exported",
}


def ending(name: str, end: str) -> Scenario:
    """A program that ends in that way after its resources, in a preview and in an `up`."""
    return Scenario(
        f"the program {name}",
        [
            Turn("preview", [A, B], {"a": of("a")}, end=end),
            Turn(end=end),
            Turn("up", [A], end=end),
            Turn("destroy"),
        ],
    )


ENDINGS = [
    ending("exits with 0", "sys.exit(0)"),
    ending("exits with nothing", "sys.exit()"),
    ending("exits with 3", "sys.exit(3)"),
    ending("exits with 32", "sys.exit(32)"),
    ending("exits with True", "sys.exit(True)"),
    ending("exits with 256", "sys.exit(256)"),
    ending("exits with a text", "sys.exit('said at the end')"),
    ending("raises a RunError", "(_ for _ in ()).throw(pulumi.RunError('not so'))"),
    ending("raises a ValueError", "int('x')"),
    ending("kills itself", "__import__('os').kill(__import__('os').getpid(), 9)"),
    ending("exits in an apply", "made['a'].stamp.apply(lambda _: sys.exit(4))"),
    ending("raises in an apply", "made['a'].stamp.apply(lambda _: int('x'))"),
    Scenario(
        "the program prints",
        [Turn("preview", [A], prints=PRINTS), Turn(prints=PRINTS), Turn(prints=PRINTS, crash="boom")],
    ),
    Scenario(
        "the program warns",
        [Turn("up", [A], logs=[["warn", "mind this"], ["info", "and that"], ["debug", "not this"]])],
    ),
    Scenario("the provider prints", [Turn("up", [A, B], knobs={"say:a": PRINTS}), Turn("destroy")]),
    Scenario(
        "custom_timeouts of every kind",
        [
            Turn(
                "up",
                [
                    item(
                        "a",
                        kind="x",
                        opts={"custom_timeouts": {"create": "90s", "update": "3m", "delete": "1h30m"}},
                    )
                ],
            ),
            Turn("up", [item("a", kind="x", label="2", opts={"custom_timeouts": {"update": "4m"}})]),
            Turn(
                "up",
                [item("a", kind="y", label="2", opts={"custom_timeouts": {"create": "1s", "delete": "5s"}})],
            ),
            Turn("destroy"),
        ],
    ),
    Scenario(
        "large numbers",
        [
            Turn(
                "up",
                [
                    item(
                        "a",
                        p={
                            "n": [
                                10**14,
                                10**15,
                                -(10**16),
                                2**53,
                                123456789012345678,
                                10**20,
                                10**21,
                                1.5e300,
                                1e-7,
                            ]
                        },
                    )
                ],
                {"n": 10**15, "list": [10**18, 0.1], "a": of("a", "p")},
            ),
            Turn("preview"),
            Turn("refresh"),
        ],
    ),
    Scenario(
        "a resource with secrets is exported",
        [
            Turn(
                "up",
                [
                    item("a", pw={"secret": "hush"}, p={"deep": [1, {"secret": {"k": "v"}}]}),
                    item("b", opts=after("a")),
                ],
                {"a": {"all_of": "a"}, "list": [{"secret": 1}, {"secret": {"x": [1]}}], "b": of("b")},
            ),
            Turn("preview"),
            Turn("refresh"),
        ],
    ),
]
