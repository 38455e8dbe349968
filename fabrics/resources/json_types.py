"""Plain JSON: the form that manifests and API answers share."""

type Json = str | int | float | bool | list[Json] | dict[str, Json] | None
