"""The page of profiles: every key with its type, default, range and meaning, and what the shipped profiles say."""

from typing import Any

import yaml
from pydantic import BaseModel

from codelewm_assets.profiles.profile import PROFILES_FOLDER, Profile, load_profile, profile_names
from codelewm_assets.training.config import TrainingConfig
from docs.reference.fields import FieldLine, element_model, field_lines, inner_model, line_of
from docs.reference.markdown import code, page, table

INTRO = """# Keys of a profile

Written from the code when this site is built; [profiles](../profiles.md) says what they are for. A dash under a shipped profile
means that it leaves the key out and takes the default."""


def profiles_page() -> str:
    """The shipped profiles, then one table a section."""
    shipped = {
        name: yaml.safe_load((PROFILES_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")) for name in profile_names()
    }
    rows = [(code(name), load_profile(name).description) for name in shipped]
    blocks = [INTRO, "## Shipped", table(("profile", "is"), rows)]
    for section, lines in profile_lines().items():
        told = [
            (
                code(line.path),
                line.kind,
                line.default,
                line.range,
                line.meaning,
                *(_told(raw, line.path) for raw in shipped.values()),
            )
            for line in lines
        ]
        blocks += [f"## {code(section)}" if section else "## At the top",
                   table(("key", "type", "default", "range", "meaning", *map(code, shipped)), told)]  # fmt: skip
    return page(*blocks)


def profile_lines() -> dict[str, list[FieldLine]]:
    """Section → its keys, each with the whole path; "" → keys that stand in no section."""
    found: dict[str, list[FieldLine]] = {"": []}
    for name, info in Profile.model_fields.items():
        section = TrainingConfig if name == "training" else inner_model(info.annotation)
        if section is None:
            found[""].append(line_of(Profile, name))
        else:
            found[name] = list(field_lines(section, f"{name}."))
    return found


def profile_models() -> set[type[BaseModel]]:
    """The models that a profile is made of."""
    found: set[type[BaseModel]] = set()
    waiting: list[type[BaseModel]] = [Profile, TrainingConfig]
    while waiting:
        model = waiting.pop()
        found.add(model)
        for info in model.model_fields.values():
            inside = inner_model(info.annotation) or element_model(info.annotation)
            waiting += [inside] if inside and inside not in found else []
    return found


def _told(raw: dict[str, Any], path: str) -> str:
    value: Any = raw
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return "–"
        value = value[key]
    return str(value)
