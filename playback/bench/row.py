"""One measured figure, with its goal where one is set."""

import msgspec

__all__ = ["Row"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A figure: `held` says whether it reached its goal, None where there is none."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    higher_is_better: bool = True

    @property
    def held(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value >= self.goal if self.higher_is_better else self.value <= self.goal
