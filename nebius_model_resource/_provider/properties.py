"""The properties of each resource type, in one table each.

Validation, defaults, the bags of the engine, the body of a create, the diff, the schema and what an import declares
follow from the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from nebius_model_resource._service.names import canonical_source, source_problem, unflavoured, whole_number
from nebius_model_resource._service.settings import unclean
from nebius_model_resource.errors import Fault

if TYPE_CHECKING:
    from nebius_model_resource._service.types import CustomModelInfo, Entry

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # Pulumi's text for a value that a preview does not know yet
_CREDENTIAL = re.compile(
    r"//\S*@|:\S*@|@[\w-]+\.\w|[?&;#][\w.%-]*=|\bhf_\w{8,}|(?:token|secret|passw\w*|api_?key|signature)\s*[=:]",
    re.IGNORECASE,
)


def may_hold_a_credential(value: Any) -> bool:
    """Whether a value looks as if it had a password or a token in it, as a URL can: no message shows it."""
    return bool(_CREDENTIAL.search(str(value)))


def camel(name: str) -> str:
    """A name of Python as the plugin's schema has it."""
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)


def _is_a(kind: type, value: Any) -> bool:
    """Whether a value is of a kind; the engine sends every number as a float."""
    if kind is int:
        return not isinstance(value, bool) and whole_number(value) == value
    if kind is dict:
        return isinstance(value, Mapping) and all(isinstance(each, str) for each in value.values())
    return isinstance(value, kind)


def not_reported(_info: Any, _declared: Any) -> None:
    """The live value of an input that the service does not report."""
    return


@dataclass(frozen=True)
class Property:
    """One property of a resource type.

    Attributes:
        name: as in Python; the schema has it in camel case.
        kind: ``str``, ``bool``, ``int`` or ``dict`` (texts by name).
        allowed: what a message says may be given.
        required: whether an input must be given.
        problem: what follows "must be …" for a value of the right kind that cannot work; None for one that can.
        meaning: two values with the same meaning are no change.
        compared: whether a change of the value is a change of the resource.
        replaces: whether a change needs a new resource.
        default: the value if none is given.
        sent: whether the body of a create has it.
        within: the object of the body that holds it.
        cleared: what a change sends in place of a value that is taken away.
        live: from what the service reports and the declared value, the live value; None if it is not reported. By
            default what the service reports by the same name.
        computed: whether it is an output.
    """

    name: str
    kind: type = str
    allowed: str = ""
    required: bool = False
    problem: Callable[[Any], str | None] = lambda _value: None
    meaning: Callable[[Any], Any] = lambda value: value
    compared: bool = True
    replaces: bool = True
    default: Any = None
    sent: bool = True
    within: str = ""
    cleared: str = ""
    live: Callable[[Any, Any], Any] | None = None
    computed: bool = False

    def reason(self, value: Any) -> str | None:
        """What is wrong with a given value; None if nothing is. It repeats no part of it: Pulumi shows the value."""
        if value is None:
            return f"missing: give {self.allowed}" if self.required else None
        must = f"must be {self.allowed or self.kind.__name__}"
        if not _is_a(self.kind, value):
            return must
        if self.required and not str(value).strip():
            return f"must not be empty: give {self.allowed}"
        problem = self.problem(value)
        return None if problem is None else f"{must}{problem}"

    def plain(self, value: Any) -> Any:
        """A value of a bag: every number arrives as a float."""
        return whole_number(value) if self.kind is int and value != UNKNOWN else value

    def live_value(self, info: Entry, declared: Any) -> Any:
        """The value at the service; None if it is not reported."""
        return self.live(info, declared) if self.live else info.reported(self.name)


@dataclass(frozen=True)
class State:
    """A resource of a stack: what was declared, and what the service reported.

    Attributes:
        id: the resource's id.
        inputs: the declared inputs that have a value.
        outputs: what the service reported; None where it reports nothing.
    """

    id: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The status as last read; empty if none was."""
        return self.outputs.get("status") or ""

    @property
    def reason(self) -> str | None:
        """The service's words about the status."""
        return self.outputs.get("status_reason")

    def bag(self) -> dict[str, Any]:
        """The inputs and the outputs that have a value: the engine drops a property of None."""
        return {**self.inputs, **{name: value for name, value in self.outputs.items() if value is not None}}


class Table:
    """The properties of one resource type."""

    def __init__(self, *properties: Property) -> None:
        self.properties = {each.name: each for each in properties}
        self.inputs = {name: each for name, each in self.properties.items() if not each.computed}
        self.outputs = {name: each for name, each in self.properties.items() if each.computed}
        self.required = [name for name, each in self.inputs.items() if each.required]

    def declared(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a program registers: the given inputs, the defaults of the others, and the outputs to come."""
        values = {
            name: each.default if given.get(name) is None else given[name]
            for name, each in self.inputs.items()
        }
        return {**values, **dict.fromkeys(self.outputs)}

    def inputs_of(self, bag: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of a bag that have a value; defaults in place of those that are missing."""
        given = {
            name: each.default if bag.get(name) in (None, "") else each.plain(bag[name])
            for name, each in self.inputs.items()
        }
        return {name: value for name, value in given.items() if value not in (None, "")}

    def state_of(self, id_: str, bag: Mapping[str, Any]) -> State:
        """A resource from the bag in the state; every number arrives as a float."""
        outputs = {name: each.plain(bag.get(name)) for name, each in self.outputs.items()}
        return State(id_, self.inputs_of(bag), outputs)

    def faults(self, bag: Mapping[str, Any]) -> list[Fault]:
        """One fault for each input that cannot work, in the order of the table; what is not known yet is no fault."""
        reasons = {
            name: each.reason(bag.get(name)) for name, each in self.inputs.items() if bag.get(name) != UNKNOWN
        }
        return [Fault(name, reason) for name, reason in reasons.items() if reason]

    def changed(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
        """The inputs that differ in meaning, in the order of the table."""
        return [
            name
            for name, each in self.inputs.items()
            if each.compared and self._meaning(each, old) != self._meaning(each, new)
        ]

    @staticmethod
    def _meaning(each: Property, inputs: Mapping[str, Any]) -> Any:
        value = inputs.get(each.name)
        return value if value in (None, UNKNOWN) else each.meaning(value)

    def body(self, inputs: Mapping[str, Any], changed: Collection[str] | None = None) -> dict[str, Any]:
        """The body of a create, in the spelling that the service documents.

        Args:
            inputs: what is declared.
            changed: for the body of a change, the names of the inputs that have changed. What stands within one object
                is sent together.
        """
        objects = {self.inputs[name].within for name in changed or ()} - {""}
        body: dict[str, Any] = {}
        for name, each in self.inputs.items():
            wanted = name in inputs if changed is None else name in changed or each.within in objects
            if each.sent and wanted:
                place = body.setdefault(each.within, {}) if each.within else body
                place[name] = each.meaning(inputs[name]) if name in inputs else each.cleared
        return body

    def live(self, inputs: Mapping[str, Any], info: Any) -> dict[str, Any]:
        """Inputs with the live values: one changes only if the service reports another meaning."""
        found = dict(inputs)
        for name, each in self.inputs.items():
            value = each.live_value(info, inputs.get(name))
            if value is not None and (not each.compared or self.changed(inputs, {**inputs, name: value})):
                found[name] = value
        return {name: value for name, value in found.items() if value != ""}


def _word(value: str) -> str | None:
    """A name that can stand in the generated name and in a URL: after a ``/`` and a ``:``."""
    if re.search(r"[\s/:]", value):
        return ""
    return None if value.isprintable() else ", of printable characters"


def _at_most(length: int) -> Callable[[str], str | None]:
    """For a text of so many characters."""
    return lambda value: None if len(value) <= length else f": it has {len(value)}"


def _from(least: int) -> Callable[[int], str | None]:
    """For a number that is not smaller."""
    return lambda value: None if value >= least else ""


def _base(value: str) -> str | None:
    vendor, slash, model = value.partition("/")
    return _word(vendor + model) if slash and vendor and model else ""


def _id(value: str) -> str | None:
    fault = unclean(value) if value else None
    return f": it {fault}" if fault else None


def trimmed(description: str | None) -> str | None:
    """A description without the white space around it; None where nothing is left."""
    return (description or "").strip() or None


def _live_base(info: CustomModelInfo, declared: str | None) -> str | None:
    """The base in the generated name, which may lack the flavour of the declared one (documented so)."""
    base = info.base_model
    return declared if base and declared and unflavoured(base) == unflavoured(declared) else base


_switch = partial(Property, kind=bool, allowed="True or False", replaces=False, default=True)
PROJECT_INPUT = Property(
    "ai_project_id",
    allowed="an id without white space or quotes, or left out",
    problem=_id,
    sent=False,
    live=not_reported,
)
CREATED_AT = Property("created_at", int, computed=True)

# What the service does not document (which characters a name may hold, how long a text may be) is refused only if it
# cannot work.
MODEL = Table(
    Property(
        "name",
        allowed="a name such as 'support-bot', without white space, '/' or ':'",
        required=True,
        problem=_word,
        live=lambda info, _: info.name,
    ),
    Property(
        "base_model",
        allowed="'vendor/model', such as 'meta-llama/Meta-Llama-3.1-8B-Instruct'",
        required=True,
        problem=_base,
        live=_live_base,
    ),
    Property(
        "source",
        allowed="'ftjob-…:ftckpt_…', 'file-…' or 'huggingface.co/<org>/<repo>'",
        required=True,
        problem=source_problem,
        meaning=canonical_source,
        live=lambda info, _: info.source,
    ),
    # The white space around a description is no change: a service that trims it would otherwise replace a live model
    # in every run.
    Property(
        "description",
        allowed="text, or left out",
        meaning=trimmed,
        live=lambda info, _: info.description or "",
    ),
    PROJECT_INPUT,
    _switch("wait_for_active", sent=False, live=not_reported),
    Property("generated_name", computed=True),
    Property("status", computed=True),
    Property("status_reason", computed=True),
    CREATED_AT,
)

ARCHIVE = Table(
    # The same content at another path is no change.
    Property(
        "path",
        allowed="a folder with an adapter, or a .zip of it",
        required=True,
        compared=False,
        sent=False,
        live=not_reported,
    ),
    Property("sha256", sent=False, live=not_reported),
    PROJECT_INPUT,
    Property("file_id", computed=True),
    Property("filename", computed=True),
    Property("size", int, computed=True),
    CREATED_AT,
)

_replicas = partial(
    Property,
    kind=int,
    allowed="a whole number >= 1",
    required=True,
    problem=_from(1),
    replaces=False,
    within="scaling",
)
# Lengths and smallest numbers are documented. Which models, flavors, regions and types of GPU there are is not a closed
# list: the templates of the service say it.
ENDPOINT = Table(
    Property(
        "name", allowed="a text of 1 to 100 characters", required=True, problem=_at_most(100), replaces=False
    ),
    Property(
        "description",
        allowed="a text of at most 500 characters, or left out",
        problem=_at_most(500),
        meaning=trimmed,
        replaces=False,
        live=lambda info, _: info.description or "",
    ),
    Property("model_name", allowed="the name of a template", required=True),
    Property("flavor_name", allowed="a flavor of the template", required=True),
    Property("region", allowed="a region, such as 'eu-north1'", required=True),
    Property("gpu_type", allowed="a type of GPU, such as 'gpu-h100-sxm'", required=True, replaces=False),
    Property(
        "gpu_count", int, allowed="a whole number >= 0", required=True, problem=_from(0), replaces=False
    ),
    _replicas("min_replicas"),
    _replicas("max_replicas"),
    Property(
        "custom_weights_id",
        allowed="an id such as 'model-artifact_…', or left out",
        problem=_id,
        replaces=False,
        cleared="UNSET",
        live=lambda info, _: info.custom_weights_id or "",
    ),
    _switch("enabled"),
    PROJECT_INPUT,
    _switch("wait_for_ready", sent=False, live=not_reported),
    # The provider gives these two in a check. Among the inputs they stay known in the preview of an update, in which
    # the engine does not know any output.
    Property("routing_key", compared=False),
    Property("inference_url", compared=False, sent=False, live=not_reported),
    Property("endpoint_id", computed=True),
    Property("status", computed=True),
    Property("readiness", computed=True),
    Property("ready_replicas", int, computed=True),
    CREATED_AT,
)
