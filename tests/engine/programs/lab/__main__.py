"""Declare what scenario.json lists: items, racks and providers, with their options, linked by name."""

import json
import sys
from pathlib import Path
from typing import Any

import pulumi
from shelf import Item, Rack  # type: ignore[import-not-found]

PLAN = json.loads((Path(__file__).parent / "scenario.json").read_text())
made: dict[str, Any] = {}


def resolve(value: Any) -> Any:
    """Replace each placeholder, at any depth; other values do not change.

    `{"of": name, "output": o}` becomes an output of that resource, `{"all_of": name}` the resource itself, and
    `{"secret": v}` a secret.
    """
    if isinstance(value, list):
        return [resolve(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "of" in value:
        return getattr(made[value["of"]], value.get("output", "stamp"))
    if "all_of" in value:
        return made[value["all_of"]]
    if "secret" in value:
        return pulumi.Output.secret(value["secret"])
    return {key: resolve(part) for key, part in value.items()}


def options(plan: dict[str, Any]) -> pulumi.ResourceOptions:
    """The resource options of one entry, with names replaced by resources."""
    opts = dict(plan)
    for name in ("parent", "provider"):
        if name in opts:
            opts[name] = made[opts[name]]
    for name in ("depends_on", "providers"):
        if name in opts:
            opts[name] = [made[each] for each in opts[name]]
    if "custom_timeouts" in opts:
        opts["custom_timeouts"] = pulumi.CustomTimeouts(**opts["custom_timeouts"])
    if "aliases" in opts:
        opts["aliases"] = [pulumi.Alias(**alias) for alias in opts["aliases"]]
    return pulumi.ResourceOptions(**opts)


for stream, text in PLAN.get("prints", {}).items():
    print(text, file={"out": sys.stdout, "err": sys.stderr}[stream])
for severity, message in PLAN.get("logs") or []:
    getattr(pulumi.log, severity)(message)

for entry in PLAN["resources"]:
    if entry.get("rack"):
        rack = Rack(entry["name"], entry["rack"], options(entry.get("opts", {})))
        made[entry["name"]] = rack
        rack.register_outputs(entry.get("outputs", {}))
    elif entry.get("provider"):
        config = {key: resolve(value) for key, value in entry["provider"].items()}
        made[entry["name"]] = pulumi.ProviderResource(
            "pulumi-python", entry["name"], config, options(entry.get("opts", {}))
        )
    else:
        props = {key: resolve(value) for key, value in entry.get("props", {}).items()}
        made[entry["name"]] = Item(entry["name"], props, options(entry.get("opts", {})))

if PLAN.get("crash"):
    raise RuntimeError(PLAN["crash"])
for name, value in PLAN.get("exports", {}).items():
    pulumi.export(name, resolve(value))
if PLAN.get("end"):
    eval(PLAN["end"])
