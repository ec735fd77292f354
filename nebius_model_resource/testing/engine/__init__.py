"""A small engine for stacks of Python dynamic resources, for machines that have PyPI and no Pulumi CLI.

It serves Pulumi's own protocol to a program and to the host of dynamic providers (`python -m pulumi.dynamic`), both
unmodified and each in a process of its own. The state is in Pulumi's own format. Recorded scenarios compare it with
the real engine (`tests/engine`).

    stack = LocalStack.create_or_select("dev", "path/to/project", config={"nebius-models:baseUrl": url})
    stack.up(on_output=print)

or, at a shell, `python -m nebius_model_resource.testing.engine up --stack dev`.

Not supported, and refused in one line if a program asks for it: resources of other packages than `pulumi-python`
(the dynamic ones, and their explicit providers), remote components, `version` and `plugin_download_url` (of resources,
components, providers and of what is only read), `urn`, `import_`, `replace_with`, `replacement_trigger`, `hide_diffs`,
`env_var_mappings`, functions (invokes and calls), stack references, parameterized packages, transforms, hooks, state
migrations, assets and archives as values of properties, and every option of an operation except `parallel`, `diff`,
`on_output`, `on_event`, `refresh`, `run_program`, `replace` and `expect_no_changes` (targets, excludes, plans,
policies, `preview_only`, `continue_on_error`, …).

Not supported, and ignored because it has no effect: source positions in the state, resource references
(a resource as an input is sent as its id), backends, history, renaming and importing of stacks. It is a tool for tests
and first looks, not a second Pulumi.

This engine refuses in one line what makes CLI 3.260 panic or break the state: a refresh with `run_program` of a renamed
component or provider; a destroy or a refresh with `run_program` if the program reads another resource in place of one
that the state owns, or owns what the state only reads.

Different on purpose: if a check refuses a secret input, the message shows `[secret]`, and after Ctrl-C the exit status
is 130. CLI 3.260 prints the secret, and exits with 1.
"""

from .errors import EngineError
from .stack import LocalStack

__all__ = ["EngineError", "LocalStack"]
