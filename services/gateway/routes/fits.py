"""Routes: functions fitted to elements of one axis, and whether JSROOT is there."""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response

from services.gateway.asking import (
    PROBLEMS,
    ChosenWindow,
    Gateway,
    Pattern,
    RunWord,
    answer,
    check_lumisections,
    chosen_elements,
)
from services.gateway.fit_models import Bins, FitError
from services.gateway.fitting import fit
from services.gateway.formats.asked import ChosenMoment
from services.gateway.formats.table import Sheet
from services.gateway.models import Answer
from services.gateway.place import Place, Reading
from services.gateway.problems import ProblemError
from services.gateway.render import edges_of
from services.gateway.windows import Window

__all__ = ["router"]

router = APIRouter(tags=["contents"], responses=PROBLEMS)

_MOST_BINS: Final = 2_000
_JSROOT: Final = Path(__file__).parents[1] / "page" / "jsroot"

ModelWord = Literal["gaussian", "landau", "breit-wigner", "exponential", "line", "gaussian-line"]


class FittedParameter(Answer):
    """A number that was fitted."""

    name: str
    value: float
    error: float | None = Field(description="Standard error; null where there is none.")
    unit: str


class FitCurve(Answer):
    """Points of the function, in contents of a bin: to be drawn over the histogram."""

    x: list[float]
    y: list[float | None]


class FitAnswer(Answer):
    """What came out of a fit."""

    path: str
    model: str
    valid: bool = Field(description="Whether MINUIT found a minimum with accurate errors.")
    problem: str = Field(description="What is wrong with it, in words; empty if nothing is.")
    parameters: list[FittedParameter]
    statistic: str
    chi2: float
    ndf: int
    probability: float | None
    bins: int
    lower: float = Field(alias="from", description="Lower edge of the first bin.")
    upper: float = Field(alias="to")
    curve: FitCurve
    window: dict[str, Any]


class JsrootAnswer(Answer):
    """The release of JSROOT that is served beside the page; null for none."""

    version: str | None


@router.get("/runs/{run}/fit", response_model=FitAnswer, summary="A function fitted to an element")
async def show_fit(
    *,
    parts: Gateway,
    run: RunWord,
    window: ChosenWindow,
    moment: ChosenMoment,
    path: Annotated[str, Query(max_length=1_000, description="Path of the element.")],
    model: ModelWord = "gaussian",
    workspace: Annotated[str | None, Query(max_length=255)] = None,
    low: Annotated[
        float | None, Query(alias="from", description="Bins whose middle is not below.")
    ] = None,
    high: Annotated[float | None, Query(alias="to", description="... and not above.")] = None,
) -> Response:
    """Counts by their Poisson likelihood, sums of weights and means by least squares.

    `yield` is the area below a peak. What cannot be fitted is refused with the reason.
    """
    number = await parts.library.run_number(run)
    (chosen,) = await chosen_elements(parts, number, [path], Pattern(None, None), workspace)
    place = Place(number, chosen.layout.workspace)
    (reading,) = await parts.readings.read(place, [chosen.element], window, moment)
    check_lumisections(parts, len(reading.covered.numbers), 0)
    return answer(await parts.encoding.run(_fitted, reading, window, model, low, high))


@router.get("/jsroot", response_model=JsrootAnswer, summary="JSROOT beside the page")
async def show_jsroot() -> Response:
    """Which release the page may load from `/jsroot/jsroot.min.js`."""
    return answer({"version": await asyncio.to_thread(_version)})


def _version() -> str | None:
    named = _JSROOT / "VERSION"
    if not (_JSROOT / "jsroot.min.js").is_file() or not named.is_file():
        return None
    return named.read_text().strip()


def _fitted(
    reading: Reading, window: Window, model: str, low: float | None, high: float | None
) -> dict[str, Any]:
    (state,) = Sheet(readings=[reading], window=window).states()
    header = state.header
    element = header["element"]
    try:
        found = fit(model, _bins(element, state.arrays), low, high)
    except FitError as error:
        raise ProblemError(422, f"{element['path']}: {error}") from error
    axis = element["axes"][0]
    return {
        "path": element["path"],
        "model": model,
        "valid": found.valid,
        "problem": "" if found.valid else "MINUIT found no minimum with accurate errors",
        "parameters": [
            {
                "name": one.name,
                "value": one.value,
                "error": one.error,
                "unit": _unit(one.unit, axis["unit"]),
            }
            for one in found.parameters
        ],
        "statistic": found.statistic,
        "chi2": found.chi2,
        "ndf": found.ndf,
        "probability": found.probability,
        "bins": found.bins,
        "from": found.span[0],
        "to": found.span[1],
        "curve": dict(zip("xy", found.curve, strict=True)),
        "window": header["window"],
    }


def _unit(of: str, unit: str) -> str:
    """The unit of a parameter that is one of x, or of 1/x; of contents none is told."""
    if not unit or of not in {"x", "1/x"}:
        return ""
    return unit if of == "x" else f"/{unit}"


def _bins(element: dict[str, Any], arrays: Any) -> Bins:
    axes = element["axes"]
    if len(axes) != 1 or axes[0]["type"] == "category":
        msg = f"has {len(axes)} axes"
        if len(axes) == 1:
            msg = "has an axis of categories"
        problem = f"{msg}, a function is fitted to one axis of numbers"
        raise FitError(problem)
    axis = axes[0]
    if axis["bins"] > _MOST_BINS:
        msg = f"has {axis['bins']} bins, at most {_MOST_BINS} are fitted"
        raise FitError(msg)
    values = np.asarray(arrays["values"], np.float64)[1:-1]
    counts = element["storage"] == "count"
    errors = np.sqrt(values) if counts else np.asarray(arrays["errors"], np.float64)[1:-1]
    contents = element["storage"] != "profile"
    # The bin of an integer is from half below it to half above.
    edges = edges_of(axis) - (0.5 if axis["type"] == "integer" else 0.0)
    return Bins(edges, values, errors, counts, contents)
