"""The type of JSON values, as manifests and API responses hold them."""

type Json = str | int | float | bool | list[Json] | dict[str, Json] | None
