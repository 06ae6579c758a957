"""A vendor's OpenAPI document, to hold requests and responses against."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from openapi_schema_validator import OAS30Validator, OAS31Validator
from starlette.requests import Request
from starlette.responses import Response


class Description:
    """The operations of one or several documents of a vendor; references to what they don't hold allow anything."""

    def __init__(self, *paths: Path, prefix: str = "", suffix: str = "") -> None:
        self._operations: list[tuple[re.Pattern[str], str, dict[str, Any], Any]] = []
        for path in paths:
            whole = path.read_text("utf-8")
            document = json.loads(whole) if path.suffix == ".json" else yaml.load(whole, yaml.CSafeLoader)
            validator = OAS30Validator if document["openapi"].startswith("3.0") else OAS31Validator
            for template, operations in document["paths"].items():
                pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(prefix + template + suffix))
                for method, operation in operations.items():
                    if method in ("get", "post", "put", "delete", "patch"):
                        common = {"parameters": operations.get("parameters", []) + operation.get("parameters", [])}
                        known = _resolved({**operation, **common}, document)
                        self._operations.append((re.compile(pattern), method.upper(), known, validator))
        self._operations.sort(key=lambda one: one[0].pattern.count("[^/]+"))

    def faults(self, request: Request, body: bytes, response: Response) -> Iterator[str]:
        """Yield what is not as the document has it."""
        where = f"{request.method} {re.sub('[0-9]+', 'N', request.url.path)}"
        matching = (
            (operation, validator)
            for pattern, method, operation, validator in self._operations
            if method == request.method and pattern.fullmatch(request.url.path)
        )
        operation, validator = next(matching, (None, None))
        if operation is None:
            yield f"{where}: no such operation"
            return
        yield from (f"{where}: {fault}" for fault in _query(request, operation, validator))
        if body:
            yield from (f"{where}, sent: {fault}" for fault in _body(operation.get("requestBody"), body, validator))
        answers = operation["responses"]
        answer = answers.get(str(response.status_code)) or answers.get(response.status_code) or answers.get("default")
        if answer is None:
            yield f"{where}: {response.status_code} is not among its answers"
        elif response.body:
            yield from (f"{where}, answered: {fault}" for fault in _body(answer, bytes(response.body), validator))


def _query(request: Request, operation: Mapping[str, Any], validator: Any) -> Iterator[str]:
    allowed = {one["name"]: one for one in operation["parameters"] if one.get("in") == "query"}
    whole = all("name" in one for one in operation["parameters"])  # else some are left out of the document
    for name, said in request.query_params.multi_items():
        if name not in allowed:
            if whole:
                yield f"no parameter '{name}'"
            continue
        schema = allowed[name].get("schema", {})
        value: Any = said
        if schema.get("type") == "array":
            item = schema.get("items", {})
            value = [_typed(part, item) for part in said.split(",")]
        elif schema.get("type") != "object":
            value = _typed(said, schema)
        yield from (f"parameter '{name}': {error.message}" for error in validator(schema).iter_errors(value))
    missing = {name for name, one in allowed.items() if one.get("required")} - set(request.query_params)
    yield from (f"parameter '{name}' is missing" for name in sorted(missing))


def _typed(said: str, schema: Mapping[str, Any]) -> Any:
    if schema.get("type") in ("integer", "number", "boolean"):
        try:
            return json.loads(said)
        except ValueError:
            return said
    return said


def _body(described: Any, body: bytes, validator: Any) -> Iterator[str]:
    content = (described or {}).get("content", {})
    schema = next((one.get("schema", {}) for kind, one in content.items() if "json" in kind), None)
    if schema is None:
        yield "a body where there should be none"
        return
    for error in validator(schema).iter_errors(json.loads(body)):
        at = ".".join("*" if isinstance(part, int) else str(part) for part in error.absolute_path)
        yield f"{at}: {error.message[:200]}"


def _resolved(node: Any, document: Mapping[str, Any], within: tuple[str, ...] = ()) -> Any:
    """Return a part of a document with its references put in; one that goes round in circles allows anything."""
    if isinstance(node, list):
        return [_resolved(one, document, within) for one in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found.get(part) if isinstance(found, dict) else None
        whole = {} if found is None or reference in within else _resolved(found, document, (*within, reference))
        return {**whole, "nullable": True} if whole and node.get("nullable") else whole
    # Their alternatives are not exclusive: an object without required parts is like every other one.
    return {
        "anyOf" if key == "oneOf" else key: _resolved(one, document, within)
        for key, one in node.items()
        if key not in ("example", "examples")
    }
