"""What is made of the log - reports, store, gateway - against the log itself."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import httpx
import msgspec
import orjson

from dqmstream.errors import NotStoredError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.messages.quality import QualityReports
from dqmstream.quality.comparison import Comparison, ComparisonSettings
from dqmstream.quality.compiled import compile_tests
from dqmstream.store.store import Store
from tests.crash.truth import Truth
from tests.crash.world import quality_tests
from tests.random_run import RUN

__all__ = ["expected_reports", "wrong_answers", "wrong_reports", "wrong_store"]

_COMPARED: Final = ("closed", "complete", "selected", "dropped", "lacking")
_METADATA: Final = (
    *("path", "workspace", "title", "entries", "nan", "outside", "invalid"),
    *("run", "lumisections"),
)
_ReportKey = tuple[str, int, str, tuple[int, ...]]


def expected_reports(truth: Truth) -> Mapping[_ReportKey, Sequence[QualityReports]]:
    """What one undisturbed comparator says of the log, by what it is of and made from.

    Of a run there are several with the same key when an LS closes after a later one did.
    """
    compiled = compile_tests(quality_tests(), truth.set.bookings).workspaces
    comparisons: dict[int, Comparison] = {}
    reports: dict[_ReportKey, list[QualityReports]] = defaultdict(list)
    for entry in truth.watch.sets:
        comparison = comparisons.setdefault(
            entry.partition, Comparison(compiled.get, ComparisonSettings())
        )
        for one in comparison.apply(entry.piece, entry.offset):
            reports[_key(one)].append(one)
    return reports


def wrong_reports(
    truth: Truth, expected: Mapping[_ReportKey, Sequence[QualityReports]]
) -> Iterator[str]:
    """Of each version of each closed LS the same reports, and of nothing else any."""
    found: dict[_ReportKey, list[QualityReports]] = defaultdict(list)
    for one in truth.watch.reports:
        said = msgspec.structs.replace(one, made=0)
        found[_key(one)].append(said)
        wanted = expected.get(_key(one), ())
        if not wanted:
            yield f"reports of {_key(one)}, which is no version of an LS"
        elif said not in wanted:
            yield f"reports of {_key(one)} are not what their tests say"
    for key, reports in expected.items():
        if any(one not in found[key] for one in reports):
            yield f"no reports of {key}"
    judged = {(one.workspace, one.lumisection, one.versions) for one in truth.watch.reports}
    for merged in truth.merged:
        version = (merged.key.workspace, merged.key.lumisection, merged.versions)
        if merged.closed and version not in judged:
            yield f"no reports of closed {version}"


def _key(reports: QualityReports) -> _ReportKey:
    return (
        f"{reports.workspace} {reports.scope}",
        reports.lumisection,
        reports.set,
        reports.versions,
    )


def wrong_store(truth: Truth, url: str) -> Iterator[str]:
    """The store holds what the log says, LS by LS."""
    try:
        yield from _wrong_store(truth, url)
    except NotStoredError as error:
        # The recorder may have started again, and has yet to come to a workspace.
        yield f"store: {error}"


def _wrong_store(truth: Truth, url: str) -> Iterator[str]:
    with Store(url) as store:
        accounts = {one.lumisection: one for one in store.lumisections(RUN).items}
        for one in truth.merged:
            workspace, lumisection = one.key.workspace, one.key.lumisection
            where = f"store: {workspace} LS {lumisection}"
            stored = accounts.get(lumisection)
            if stored is None:
                yield f"{where} is not there"
                continue
            said = (stored.closed, stored.complete, stored.late_segments)
            if said != (one.closed, one.complete, one.late_segments):
                yield f"{where}: closed, complete, late segments are {said}"
            if stored.account != one.account or stored.late_account != one.late_account:
                yield f"{where}: account {stored.account}, the log has {one.account}"
            window = store.contents(one.key.set, RUN, workspace, [lumisection])
            if not window.contents.equals(one.contents):
                yield f"{where} holds other contents than the log"
            if one.late is None:
                continue
            late = store.late(one.key.set, RUN, workspace, [lumisection])
            if not late.contents.equals(one.late):
                yield f"{where} holds other late contents than the log"
        kept = Counter(
            (f"{one.workspace} {one.scope}", one.lumisection)
            for one in _all_reports(store, truth.set.hash)
        )
        for key in {(_key(one)[0], one.lumisection) for one in truth.watch.reports}:
            if not kept[key]:
                yield f"store: no reports of {key}"


def _all_reports(store: Store, set_hash: str) -> Iterator[QualityReports]:
    after = None
    while True:
        page = store.reports(RUN, set=set_hash, after=after)
        yield from page.items
        if page.after is None:
            return
        after = page.after


async def wrong_answers(truth: Truth, url: str) -> list[str]:
    """The gateway answers with what the log says, LS by LS."""
    wrong = []
    async with httpx.AsyncClient(base_url=f"{url}/api/v1/runs/{RUN}", timeout=20) as client:
        listed = (await client.get("/lumisections")).json()
        rows = {row["lumisection"]: row for row in listed.get("lumisections", ())}
        for one in truth.merged:
            workspace, lumisection = one.key.workspace, one.key.lumisection
            where = f"gateway: {workspace} LS {lumisection}"
            row = rows.get(lumisection)
            if row is None:
                wrong.append(f"{where} is not listed")
                continue
            said = {name: row[name] for name in _COMPARED}
            wanted = {
                "closed": one.closed,
                "complete": one.complete,
                "selected": one.account.selected,
                "dropped": one.account.dropped,
                "lacking": list(one.account.lacking),
            }
            if said != wanted:
                wrong.append(f"{where}: {said}, the log says {wanted}")
            asked = {"lumisections": str(lumisection), "workspace": workspace, "match": "**"}
            answer = await client.get("/contents/uhi", params=asked)
            if answer.status_code != httpx.codes.OK:
                wrong.append(f"{where}: status {answer.status_code}: {answer.text[:200]}")
            elif _shown(answer.json()["histograms"]) != _uhi(one.contents, lumisection):
                wrong.append(f"{where} is shown with other contents than the log has")
    return wrong


def _uhi(contents: Contents, lumisection: int) -> dict[str, Any]:
    """As the gateway should answer."""
    histograms = {}
    for element in contents.layout:
        if element.planes:
            uhi = MonitorElement(contents, element).to_uhi()
            uhi["metadata"] |= {"run": RUN, "lumisections": str(lumisection)}
            histograms[element.element.path] = uhi
    encoded = orjson.dumps(histograms, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    return _shown(orjson.loads(encoded))


def _shown(histograms: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Without who wrote them, and without what the window is besides its LSs."""
    return {
        path: {name: value for name, value in uhi.items() if name != "writer_info"}
        | {"metadata": {name: uhi["metadata"][name] for name in _METADATA}}
        for path, uhi in histograms.items()
    }
