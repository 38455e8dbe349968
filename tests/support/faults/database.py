"""Readings of NetBox's database, which take far less CPU time than its API."""

import csv
import subprocess
from collections.abc import Sequence
from pathlib import Path

from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from stack.services.postgres import DATABASE_USER, find_binaries
from tests.support.faults.invariants import Inventory


def read_inventories(database: Path, fabric_ids: Sequence[str]) -> dict[str, Inventory]:
    """Read the ids of all objects of these fabrics.

    `database` is the folder of its socket.
    """
    found: dict[str, dict[tuple[Model, str], tuple[int, ...]]] = {id_: {} for id_ in fabric_ids}
    for model, id_, fabric, key in csv.reader(_query(database, _select_owned()).splitlines()):
        if fabric in found:
            owned, name = found[fabric], (Model(model), key)
            owned[name] = (*owned.get(name, ()), int(id_))
    return dict(found)


def _select_owned() -> str:
    fabric, key = (f"custom_field_data->>'{name}'" for name in (FABRIC_FIELD, KEY_FIELD))
    tables = {model: model.replace(".", "_") for model in OWNED_MODELS}
    return " UNION ALL ".join(
        f"SELECT '{model}', id, {fabric}, {key} FROM {table} WHERE {fabric} <> ''"  # noqa: S608  our own names
        for model, table in tables.items()
    )


def _query(database: Path, sql: str) -> str:
    connection = (f"--host={database}", f"--username={DATABASE_USER}", "--dbname=netbox")
    command = [find_binaries().program_path("psql"), *connection, "--no-psqlrc", "--csv"]
    arguments = ["--tuples-only", f"--command={sql}"]
    return subprocess.run(
        [*command, *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
