"""A call of an algorithm, and what it found, as bytes: for algorithms run in another process.

MessagePack, arrays as their bytes. Nothing is unpickled: what comes back is data, checked, whatever
the process that sent it has become.
"""

from typing import Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from dqmstream.errors import UNDECODABLE, MessageError
from dqmstream.messages.booking import Axis
from dqmstream.messages.struct import Value
from dqmstream.quality.algorithm import Algorithm, Findings
from dqmstream.quality.stack import BandStack, PastStack, ReferenceStack, Stack

__all__ = [
    "Call",
    "Failure",
    "Found",
    "answer",
    "failure_of",
    "findings_of",
    "packed_call",
    "unpack_answer",
    "unpack_call",
]

_MAX_TRACE: Final = 2_000


class _Array(Value, frozen=True):
    """An array in row-major order."""

    type: Literal["<i8", "<f8"]
    shape: tuple[int, ...]
    data: bytes

    @classmethod
    def of(cls, values: NDArray[Any], kind: Literal["<i8", "<f8"]) -> "_Array":
        """Of the type that the other side expects, whatever it is here."""
        array = np.ascontiguousarray(values, kind)
        return cls(kind, array.shape, array.tobytes())

    def array(self) -> NDArray[Any]:
        """ValueError if its bytes are not as many as its shape says."""
        return np.frombuffer(self.data, self.type).reshape(self.shape)


class _Stack(Value, frozen=True, kw_only=True):
    axes: tuple[Axis, ...]
    entries: _Array
    sums: _Array | None = None
    squares: _Array | None = None
    profile: bool = False
    lumisection: int = 0
    luminosity: float | None = None
    references: tuple[tuple["_Stack", _Array], ...] = ()
    bands: tuple[dict[str, _Array], ...] = ()
    past: tuple[tuple[int, "_Stack"], ...] = ()


class Call(Value, frozen=True, kw_only=True):
    """One call: `source` is where the algorithm is, `module:attribute`, `name` what it is called;
    `path` is where modules are looked for."""

    source: str
    name: str
    path: tuple[str, ...]
    parameters: dict[str, Any]
    stack: _Stack


class _Findings(Value, frozen=True, kw_only=True):
    quantity: str
    limit: str
    unit: str
    first_bin: int
    qtresult: _Array
    measured: _Array
    entries: _Array
    content: _Array | None = None
    severity: _Array | None = None
    p_value: _Array | None = None
    statistic: _Array | None = None
    ndof: _Array | None = None
    insufficient: dict[int, str] = msgspec.field(default_factory=dict)


class Found(Value, frozen=True, tag="found"):
    """What an algorithm found."""

    findings: _Findings


class Failure(Value, frozen=True, kw_only=True, tag="failure"):
    """What it raised, and where."""

    error: str
    trace: str


def _pack(message: msgspec.Struct) -> bytes:
    """A message as bytes."""
    return msgspec.msgpack.encode(message)


def unpack_call(body: bytes) -> Call:
    """A call; MessageError if the bytes are none."""
    call: Call = _unpack(body, Call)
    return call


def unpack_answer(body: bytes) -> Found | Failure:
    """An answer.

    Raises
    ------
    MessageError
        With reason `bad_answer` if the bytes are none.
    """
    found: Found | Failure = _unpack(body, Found | Failure)
    return found


def _unpack(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.msgpack.decode(body, type=kind)
    except UNDECODABLE as error:
        raise MessageError("bad_answer", f"expected {kind}, got other bytes: {error}") from error


def packed_call(
    algorithm: Algorithm[Any], source: str, path: tuple[str, ...], stack: Stack, parameters: Any
) -> bytes:
    """A call of an algorithm as bytes."""
    return _pack(
        Call(
            source=source,
            name=algorithm.name,
            path=path,
            parameters=msgspec.to_builtins(parameters),
            stack=_sent(stack),
        )
    )


def answer(algorithm: Algorithm[Any], call: Call) -> bytes:
    """Do what a call asks for: bytes of Found. Whatever the algorithm raises is raised."""
    parameters = msgspec.convert(call.parameters, algorithm.parameters)
    found: object = algorithm.measure(_received(call.stack), parameters)
    if not isinstance(found, Findings):
        msg = f"the test returned {type(found).__name__}, expected Findings"
        raise TypeError(msg)
    return _pack(Found(_told(found)))


def failure_of(error: BaseException, trace: str) -> bytes:
    """What an algorithm raised, as bytes."""
    return _pack(Failure(error=repr(error)[:_MAX_TRACE], trace=trace[-_MAX_TRACE:]))


def findings_of(found: Found) -> Findings:
    """Findings as arrays; ValueError if an array is not of the size it says."""
    told = found.findings
    return Findings(
        quantity=told.quantity,
        limit=told.limit,
        unit=told.unit,
        first_bin=told.first_bin,
        qtresult=told.qtresult.array(),
        measured=told.measured.array(),
        entries=told.entries.array(),
        content=_maybe(told.content),
        severity=_maybe(told.severity),
        p_value=_maybe(told.p_value),
        statistic=_maybe(told.statistic),
        ndof=_maybe(told.ndof),
        insufficient=told.insufficient,
    )


# ------------------------------------------------------------------------ parts

_BAND: Final = ("centre", "lower", "upper", "statistical", "scale")


def _sent(stack: Stack) -> _Stack:
    return _Stack(
        axes=stack.axes,
        entries=_Array.of(stack.entries, "<i8"),
        sums=_floats(stack.sums),
        squares=_floats(stack.squares),
        profile=stack.profile,
        lumisection=stack.lumisection,
        luminosity=stack.luminosity,
        references=tuple(
            (_sent(one.stack), _Array.of(one.scale, "<f8")) for one in stack.references
        ),
        bands=tuple(
            {name: _Array.of(getattr(band, name), "<f8") for name in _BAND}
            | {"members": _Array.of(band.members, "<i8")}
            | ({} if band.usual is None else {"usual": _Array.of(band.usual, "<f8")})
            for band in stack.bands
        ),
        past=tuple((one.lumisection, _sent(one.stack)) for one in stack.past),
    )


def _received(stack: _Stack) -> Stack:
    return Stack(
        axes=stack.axes,
        entries=stack.entries.array(),
        sums=_maybe(stack.sums),
        squares=_maybe(stack.squares),
        profile=stack.profile,
        lumisection=stack.lumisection,
        luminosity=stack.luminosity,
        references=tuple(
            ReferenceStack(stack=_received(one), scale=scale.array())
            for one, scale in stack.references
        ),
        bands=tuple(
            BandStack(**{name: values.array() for name, values in band.items()})
            for band in stack.bands
        ),
        past=tuple(
            PastStack(lumisection=number, stack=_received(one)) for number, one in stack.past
        ),
    )


def _told(found: Findings) -> _Findings:
    return _Findings(
        quantity=str(found.quantity),
        limit=str(found.limit),
        unit=str(found.unit),
        first_bin=int(found.first_bin),
        qtresult=_Array.of(found.qtresult, "<f8"),
        measured=_Array.of(found.measured, "<f8"),
        entries=_Array.of(found.entries, "<i8"),
        content=_floats(found.content),
        severity=_floats(found.severity),
        p_value=_floats(found.p_value),
        statistic=_floats(found.statistic),
        ndof=_floats(found.ndof),
        insufficient={int(row): str(why) for row, why in found.insufficient.items()},
    )


def _floats(values: NDArray[Any] | None) -> _Array | None:
    return None if values is None else _Array.of(values, "<f8")


def _maybe(values: _Array | None) -> NDArray[Any] | None:
    return None if values is None else values.array()
