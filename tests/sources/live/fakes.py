"""The stand-ins of all vendors, by the type of their source: every Fake… of the modules fake_*.py."""

import importlib
from pathlib import Path
from typing import Any

from .serving import Fake

FAKES: dict[str, Any] = {}
for path in sorted(Path(__file__).parent.glob("fake_*.py")):
    module = importlib.import_module(f".{path.stem}", __package__)
    FAKES |= {
        found.type: found
        for found in vars(module).values()
        if isinstance(found, type) and issubclass(found, Fake) and found.__module__ == module.__name__
    }
