"""By whose prices a model is billed: from the day after its end a redirected one by those of its replacement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from modelctl.core.model import AfterRetirement, ModelKey
from modelctl.core.price import Basis
from modelctl.core.stored import StoredModel
from modelctl.core.units import start_of_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What really answers to a model's name at an instant."""

    path: tuple[ModelKey, ...]
    """From the model itself to the one that answers and bills; of length 1 where that is the same."""
    is_known: bool = True
    """False: the replacement is not stated, not in the database, or leads in a circle. Its prices are unknown."""
    ended_on: date | None = None
    """The last day of the one that answers, where that is past and no redirect is stated: does it answer at all?"""

    @property
    def key(self) -> ModelKey:
        """The model whose prices count."""
        return self.path[-1]


def may_answer(keys: Iterable[ModelKey], known: Mapping[ModelKey, StoredModel]) -> set[ModelKey]:
    """The known ones of these models, and all that they may ever be redirected to: whose ledgers a bill can need."""
    wanted, found = list(keys), set[ModelKey]()
    while wanted:
        key = wanted.pop()
        if key in found or key not in known:
            continue
        found.add(key)
        facts = known[key].facts
        if facts.after_retirement == AfterRetirement.REDIRECT and facts.replacement is not None:
            wanted.append(ModelKey(key.provider, facts.replacement))
    return found


def served(key: ModelKey, known: Mapping[ModelKey, StoredModel], at: datetime) -> Served:
    """Who answers to `key` at an instant; `known` has at least the models of its provider, with their ledgers.

    Until the end of `retires_on` that is the model itself. An `after_retirement` of `redirect` means that the id is
    served, and billed, as its replacement afterwards. A price that a person dated later than that end stands.
    """
    path = [key]
    while True:
        model = known[path[-1]]
        last_day = model.facts.retires_on
        if last_day is None or at < (gone_at := start_of_day(last_day + timedelta(days=1))):
            return Served(path=tuple(path))
        if any(each.basis == Basis.MANUAL and gone_at <= each.effective_from <= at for each in model.prices):
            return Served(path=tuple(path))
        if model.facts.after_retirement != AfterRetirement.REDIRECT:
            return Served(path=tuple(path), ended_on=last_day)
        if model.facts.replacement is None:
            return Served(path=tuple(path), is_known=False)
        following = ModelKey(key.provider, model.facts.replacement)
        is_new = following not in path
        path.append(following)
        if not is_new or following not in known:
            return Served(path=tuple(path), is_known=False)
