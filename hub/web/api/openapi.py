"""The OpenAPI 3.1 document, made of the table of operations and their models."""

import re
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from hub.web.api.operations import KEY, OPERATIONS, Operation
from hub.web.api.schemas import Problem

Mode = Literal["validation", "serialization"]
Names = dict[Any, str]  # of models

REF = "#/components/schemas/{model}"
EVERY_CALL = (400, 401, 403, 422, 429, 503)
#: What a path parameter looks like.
PATHS = {
    "code": {"type": "string", "pattern": "^1022-[0-9]{4}-[0-9]{6}$", "examples": ["1022-2026-000042"]},
    "conversation": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,80}$"},
}


@cache
def document(server: str) -> dict[str, Any]:
    models: dict[type[BaseModel], Mode] = {Problem: "serialization"}
    models |= {it.returns: "serialization" for it in OPERATIONS}
    models |= {it.body: "validation" for it in OPERATIONS if it.body}
    refs, schemas = models_json_schema(list(models.items()), ref_template=REF)
    names: Names = {model: ref["$ref"] for (model, _), ref in refs.items()}
    paths: dict[str, dict[str, Any]] = {}
    for it in OPERATIONS:
        paths.setdefault(it.path, {})[it.method.lower()] = _operation(it, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tổng đài 1022 Đồng Tháp",
            "version": "1",
            "description": "Tickets, conversations and reference data of the hotline 1022. See docs/api.md.",
        },
        "servers": [{"url": server}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas["$defs"],
        },
    }


def _operation(it: Operation, names: Names) -> dict[str, Any]:
    problem = {"content": {"application/problem+json": {"schema": {"$ref": names[Problem]}}}}
    codes = sorted({*EVERY_CALL, *it.fails, *((413, 415) if it.body else ())})
    found: dict[str, Any] = {
        "operationId": it.name,
        "summary": it.summary,
        "description": f"Scope: {it.scope}.",
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": PATHS[name]}
                for name in re.findall(r"{(\w+)}", it.path)
            ),
            *_query(it),
            *_headers(it),
        ],
        "responses": {
            str(it.status): {
                "description": "Done",
                "content": {"application/json": {"schema": {"$ref": names[it.returns]}}},
            },
            **{str(code): {"description": "Problem", **problem} for code in codes},
        },
    }
    if it.body:
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": names[it.body]}}},
        }
    return found


def _query(it: Operation) -> list[dict[str, Any]]:
    schema = it.query.model_json_schema()
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(one)}
        for name, one in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is left out is not a null."""
    kinds: list[dict[str, Any]] = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if not kinds:
        return schema
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return rest | kinds[0]


def _headers(it: Operation) -> list[dict[str, Any]]:
    found = []
    if it.keyed:
        key = {"type": "string", "pattern": "^[A-Za-z0-9_.:-]{8,100}$"}
        found.append({"name": KEY, "in": "header", "required": True, "schema": key})
    if it.versioned:
        version = {"type": "string", "pattern": '^"?[0-9]{1,9}"?$'}
        found.append({"name": "If-Match", "in": "header", "required": False, "schema": version})
    return found
