"""A small engine for stacks of Python dynamic resources, for machines that have PyPI and no Pulumi CLI.

It serves Pulumi's own protocol to a program and to the host of dynamic providers (`python -m pulumi.dynamic`), both
unmodified and each in a process of its own. The state is in Pulumi's own format. The tests play scenarios on it and on
Pulumi's own engine, and compare them (`tests/engine`).

    stack = LocalStack.create_or_select("dev", "path/to/project", config={"nebius-models:baseUrl": url})
    stack.up(on_output=print)

or, at a shell, `python -m nebius_model_resource.testing.engine up --stack dev`.

Not supported, and refused in one line if a program asks for it: resources of other packages than `pulumi-python`
(the dynamic ones, and their explicit providers), functions, stack references, transforms, hooks, assets and archives as
values of properties; a provider with inputs that a preview does not know; and every option of a resource and of an
operation that is not listed here. Supported options of a resource are `parent`, `depends_on`, `provider`, `providers`,
`aliases`, `id`, `custom_timeouts` and `retain_on_delete`; `LocalStack` lists those of operations.

Not supported, and ignored because it has no effect: source positions and times in the state, resource references
(a resource as an input is sent as its id), backends, history, renaming and importing of stacks. It is a tool for tests
and first looks, not a second Pulumi.

This engine refuses in one line what makes the CLI panic or break the state: a destroy or a refresh with `run_program`
if the program reads another resource in place of one that the state owns, or owns what the state only reads.

Different on purpose: if a check refuses a secret input, the message shows `[secret]`, and after Ctrl-C the exit status
is 130. The CLI prints the secret, and exits with 1.
"""

from .errors import EngineError
from .stack import LocalStack

__all__ = ["EngineError", "LocalStack"]
