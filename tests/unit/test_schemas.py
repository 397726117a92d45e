"""What is written into schemas/ is what the code says."""

from pathlib import Path

from services.schemas import openapi

SCHEMAS = Path(__file__).parents[2] / "schemas"


def test_the_openapi_document_is_current() -> None:
    """A stale one fails, and says how to write it anew."""
    written = (SCHEMAS / "openapi.json").read_bytes()
    assert written == openapi() + b"\n", "schemas/openapi.json is stale: run `make schemas`"
