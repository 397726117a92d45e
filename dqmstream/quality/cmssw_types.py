"""Parameters of CMSSW's quality tests as ours: what each TYPE takes, and what it becomes.

Names and defaults of parameters are those of CMSSW DQMServices/Components/plugins/QualityTester.cc,
and before it of DQMServices/ClientConfig/src/QTestConfigure.cc, which took 0 for what was missing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["TYPES", "Given", "NotMappedError", "Taken", "aliased"]

Number = int | float | bool
Parameters = dict[str, Number]
_EACH_BIN: Final = 999


class NotMappedError(ValueError):
    """A test that cannot be written in our terms; its text says why."""


@dataclass(kw_only=True, slots=True)
class Given:
    """The parameters of a QTEST, taken one by one.

    `left` are those that nobody has taken, `notes` what was assumed.
    """

    left: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def number(self, name: str, default: float | None = None) -> float:
        """A number.

        Raises
        ------
        NotMappedError
            If it is missing and has no default, or is not a finite number.
        """
        text = self.left.pop(name, None)
        if text is None:
            if default is None:
                msg = f"parameter {name!r} is missing"
                raise NotMappedError(msg)
            return default
        try:
            # Python reads more than C does: 1_000.
            value = math.nan if "_" in text else float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            msg = f"parameter {name!r} is {text!r}, not a number"
            raise NotMappedError(msg)
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        """A number of things, at least 0."""
        value = self.number(name, default)
        if value < 0 or value != math.floor(value):
            msg = f"parameter {name!r} is {value:g}, not a number of things"
            raise NotMappedError(msg)
        return int(value)

    def flag(self, name: str, default: bool | None = None) -> bool:
        """A switch: true, false, or a number that is 0 or not."""
        text = self.left.get(name, "").lower()
        if text in ("true", "false"):
            del self.left[name]
            return text == "true"
        return self.number(name, default) != 0

    def assumed(self, name: str, value: str) -> None:
        """Note that a parameter is missing, and what it is taken for."""
        if name not in self.left:
            self.notes.append(f"parameter {name!r} is missing, taken for {value}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """What a TYPE makes of its parameters.

    `least` is how many entries an element needs: what CMSSW calls minEntries of some tests.
    """

    parameters: Parameters
    least: int = 0


def aliased(name: str) -> str:
    """The name of a TYPE; with ROOT after it, it was another name of the same class."""
    shorter = name.removesuffix("ROOT")
    return shorter if shorter in TYPES else name


def _x_range(given: Given) -> Taken:
    return Taken(parameters={"xmin": given.number("xmin"), "xmax": given.number("xmax")})


def _y_range(given: Given) -> Taken:
    given.assumed("useEmptyBins", "0")
    return Taken(
        parameters={
            "ymin": given.number("ymin"),
            "ymax": given.number("ymax"),
            "use_empty_bins": given.flag("useEmptyBins", default=False),
        }
    )


def _dead(given: Given) -> Taken:
    return Taken(parameters={"threshold": given.number("threshold")})


def _noisy(given: Given) -> Taken:
    tolerance, neighbours = given.number("tolerance"), given.whole("neighbours")
    if neighbours == 0:
        given.notes.append("parameter 'neighbours' is 0, which CMSSW takes for 1")
    return Taken(parameters={"tolerance": tolerance, "neighbours": neighbours or 1})


def _sigma(given: Given) -> Taken:
    found: Parameters = {}
    for axis in "xy":
        blocks, reach = (
            given.whole(f"{axis.upper()}blocks"),
            given.whole(f"neighbours{axis.upper()}"),
        )
        found[f"{axis}_blocks"] = 0 if blocks == _EACH_BIN else blocks
        found[f"neighbours_{axis}"] = 0 if reach == _EACH_BIN else reach
        lower, upper = given.whole(f"{axis}Min"), given.whole(f"{axis}Max")
        whole = lower == 0 or upper == 0 or lower > upper
        found[f"{axis}_min"], found[f"{axis}_max"] = (0, 0) if whole else (lower, upper)
        if blocks == 0:
            msg = f"parameter '{axis.upper()}blocks' is 0: there is nothing to compare"
            raise NotMappedError(msg)
    for kind in ("Noisy", "Dead"):
        found[f"tolerance_{kind.lower()}"] = given.number(f"tolerance{kind}")
        found[kind.lower()] = given.flag(kind.lower())
    return Taken(parameters=found)


def _within(given: Given) -> Taken:
    found: Parameters = {"use_empty_bins": given.flag("useEmptyBins")}
    for name in ("Mean", "RMS"):
        lower, upper = given.number(f"min{name}", 0), given.number(f"max{name}", 0)
        # Limits of 0 and 0 are none, unless only filled bins are compared.
        if lower or upper or (name == "Mean" and not found["use_empty_bins"]):
            found[f"min_{name.lower()}"], found[f"max_{name.lower()}"] = lower, upper
    tolerance = given.number("toleranceMean")
    if tolerance >= 0:
        found["tolerance_mean"] = tolerance
    found["min_entries"] = given.whole("minEntries")
    return Taken(parameters=found)


def _mean(given: Given) -> Taken:
    mean = given.number("mean")
    sigma, use_rms = given.number("useSigma", 0), given.flag("useRMS", default=False)
    use_range, least = given.flag("useRange", default=False), given.whole("minEntries", 0)
    chosen = [name for name, on in (("Sigma", sigma), ("RMS", use_rms), ("Range", use_range)) if on]
    if not chosen:
        msg = "none of useRange, useSigma and useRMS is set: CMSSW could not run it"
        raise NotMappedError(msg)
    if len(chosen) > 1:
        given.notes.append(f"of use{', use'.join(chosen)} the last is taken, as CMSSW does now")
    limits = ("xmin", "xmax")
    if not use_range:
        for name in limits:
            given.left.pop(name, None)
    if use_range:
        return Taken(parameters={name: given.number(name) for name in limits}, least=least)
    if use_rms:
        return Taken(parameters={"mean": mean, "use_rms": True}, least=least)
    return Taken(parameters={"mean": mean, "sigma": abs(sigma)}, least=least)


def _median(given: Given) -> Taken:
    names = {"MinRel": "min_rel", "MaxRel": "max_rel", "MinAbs": "min_abs", "MaxAbs": "max_abs"}
    found: Parameters = {ours: given.number(theirs) for theirs, ours in names.items()}
    found["use_empty_bins"] = given.flag("UseEmptyBins")
    found["stat_cut"] = given.number("StatCut", 0)
    return Taken(parameters=found)


def _last_filled(given: Given) -> Taken:
    names = {"AvVal": "av_val", "MinVal": "min_val", "MaxVal": "max_val"}
    return Taken(parameters={ours: given.number(theirs) for theirs, ours in names.items()})


def _nothing(_given: Given) -> Taken:
    return Taken(parameters={})


def _least(given: Given) -> Taken:
    return Taken(parameters={}, least=given.whole("minEntries", 0))


TYPES: Final[Mapping[str, Callable[[Given], Taken]]] = {
    "CheckVariance": _nothing,
    "Comp2Ref2DChi2": _least,
    "Comp2RefChi2": _nothing,
    "Comp2RefEqualH": _nothing,
    "Comp2RefKolmogorov": _nothing,
    "CompareLastFilledBin": _last_filled,
    "CompareToMedian": _median,
    "ContentSigma": _sigma,
    "ContentsWithinExpected": _within,
    "ContentsXRange": _x_range,
    "ContentsYRange": _y_range,
    "DeadChannel": _dead,
    "MeanWithinExpected": _mean,
    "NoisyChannel": _noisy,
}
"""Of each TYPE, what takes its parameters but warning and error."""
