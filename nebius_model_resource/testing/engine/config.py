"""The project file, the stack's configuration file, and values given by hand, as one set of configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi.automation import ConfigValue

from .errors import ConfigError
from .secrets import Crypter
from .values import Properties, Secret

Config = dict[str, ConfigValue]


@dataclass(frozen=True)
class Project:
    """What Pulumi.yaml says."""

    name: str
    root: Path
    main: Path
    defaults: dict[str, str] = field(default_factory=dict)


def load_project(work_dir: Path) -> Project:
    """Read the project file of `work_dir`.

    Raises:
        ConfigError: There is none, or it does not describe a Python project.
    """
    path = work_dir / "Pulumi.yaml"
    document = _read_yaml(path)
    name, runtime = document.get("name"), document.get("runtime")
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{path} does not name the project")
    language = runtime.get("name") if isinstance(runtime, dict) else runtime
    if language != "python":
        raise ConfigError(f"project {name!r} has runtime {language!r}; this engine runs Python programs only")
    defaults = {}
    for key, declared in (document.get("config") or {}).items():
        value = declared.get("default", declared.get("value")) if isinstance(declared, dict) else declared
        if value is not None:
            defaults[qualified(key, name)] = _text(value)
    main = (work_dir / str(document.get("main") or ".")).resolve()
    return Project(name, work_dir, main, defaults)


def load_stack_config(project: Project, stack: str, crypter: Crypter) -> Config:
    """Read `Pulumi.<stack>.yaml` if there is one; its secrets need the passphrase that encrypted them.

    Raises:
        ConfigError: It stores a secret in a way that this engine cannot open.
    """
    path = project.root / f"Pulumi.{stack}.yaml"
    document = _read_yaml(path) if path.exists() else {}
    salted = Crypter(crypter.passphrase, document.get("encryptionsalt"))
    config: Config = {}
    for key, value in (document.get("config") or {}).items():
        name = qualified(key, project.name)
        if not (isinstance(value, dict) and set(value) == {"secure"}):
            config[name] = ConfigValue(_text(value))
        elif salted.salt:
            config[name] = ConfigValue(salted.decrypt(value["secure"]), secret=True)
        else:
            raise ConfigError(f"{path}: {key} is encrypted without a passphrase: this engine cannot open it")
    return config


def qualified(key: str, project: str) -> str:
    """`key` with its namespace, by default the project's name."""
    return key if ":" in key else f"{project}:{key}"


def merged(project: Project, *layers: Mapping[str, Any]) -> Config:
    """All layers over the project's defaults, later ones winning; plain strings are plain values."""
    config: Config = {key: ConfigValue(value) for key, value in project.defaults.items()}
    for layer in layers:
        for key, given in layer.items():
            secret = bool(getattr(given, "secret", False))
            config[qualified(key, project.name)] = ConfigValue(_text(getattr(given, "value", given)), secret)
    return config


def as_properties(config: Config) -> Properties:
    """The configuration as the provider's inputs."""
    return {key: Secret(each.value) if each.secret else each.value for key, each in sorted(config.items())}


def _text(value: Any) -> str:
    """A configuration value as programs see it: a text, or JSON for anything structured."""
    return value if isinstance(value, str) else json.dumps(value)


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as fault:
        raise ConfigError(f"no project here: {path} does not exist") from fault
    except (OSError, yaml.YAMLError) as fault:
        raise ConfigError(f"{path} cannot be read: {fault}") from fault
    if not isinstance(document, dict):
        raise ConfigError(f"{path} is not a mapping")
    return document
