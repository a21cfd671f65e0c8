"""The report's shape stands in two places for speed's sake; here they are held together."""

from __future__ import annotations

import ast
import inspect

import msgspec

from ingest import schema
from wald import report


def declared(name: str) -> dict[str, bool]:
    """Fields of a `TypedDict` that only type checkers see, and whether each is required."""
    tree = ast.parse(inspect.getsource(report))
    (shape,) = (n for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == name)
    return {
        field.target.id: not ast.unparse(field.annotation).startswith("NotRequired")
        for field in shape.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    }


def validated(struct: type[msgspec.Struct]) -> dict[str, bool]:
    return {field.name: field.required for field in msgspec.structs.fields(struct)}


def test_what_the_collector_builds_is_what_ingest_takes() -> None:
    assert declared("Report") == validated(schema.Report)
    assert declared("ErrorInfo") == validated(schema.ErrorInfo)


def test_a_pseudonym_is_half_a_hash_of_the_secret() -> None:
    # echo -n | head -c 32 /dev/zero | sha256sum
    zeros = "66687aadf862bd776c8fc18b8e9f8e20"
    assert report.pseudonym(bytes(32)) == zeros
