"""What programs pass to `ModelStore`: types that are checked, and what the use cases make of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, localcontext
from functools import wraps
from typing import Annotated, Any, ParamSpec, TypeAlias, TypeVar, cast

from pydantic import ConfigDict, Field, InstanceOf, ValidationError, validate_call, with_config
from typing_extensions import TypedDict

from modelctl.core.credentials import project_of
from modelctl.core.edits.models import facts_from_json
from modelctl.core.edits.providers import ProviderOptions
from modelctl.core.facts import FactValue, encode, plain_number
from modelctl.core.models.query import Filter
from modelctl.core.models.query import where as filter_of
from modelctl.core.planning.guards import Acceptance
from modelctl.core.planning.policy import SourceChoice
from modelctl.core.prices.price import ARITHMETIC
from modelctl.core.text import require_known
from modelctl.errors import BadRows, ModelctlError, UsageError
from modelctl.services.sync import SyncOptions

Name: TypeAlias = Annotated[str, Field(min_length=1)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Days: TypeAlias = Annotated[int, Field(ge=0, le=36_500)]
Seconds: TypeAlias = Annotated[float, Field(gt=0)]
Amount: TypeAlias = int | str | Decimal
"""Never a float, whose digits are not those that were written."""
_STRICT = ConfigDict(strict=True, arbitrary_types_allowed=True, extra="forbid")
Where: TypeAlias = InstanceOf[Filter] | Name
"""A filter, or the words of `list` that an edit takes: `provider=openai type=embedding`."""


@with_config(_STRICT)
class SyncArguments(TypedDict, total=False):
    """What `sync` and `plan` both take, as the options of the command."""

    source: Name
    project: str
    accept: Sequence[Name]
    force: bool
    all_or_nothing: bool
    configured_only: bool


@with_config(_STRICT)
class ProviderArguments(TypedDict, total=False):
    """The settings of a provider's row, as the options of `provider set`."""

    kind: Name
    base_url: str
    env: Sequence[Name]
    display_name: str
    auth_header: str
    auth_prefix: str
    headers: dict[str, str]
    is_enabled: bool


EVERYTHING = Filter()
_FLAG = re.compile(r"--([a-z][a-z-]*)")
_ARGUMENT = {"database": "database_url", "from": "starts"}
_COMMAND = re.compile(r"(`[^`]*`)")
_EXPECTED = {"decimal": "Decimal", "is-instance[Filter]": "Filter", "constrained-str": "str"}

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")
_Class = TypeVar("_Class", bound=type)


def for_programs(method: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """The method with its arguments checked by their types, in arithmetic of our own, and errors in a program's words.

    UsageError for an argument of a wrong type, an empty text, an instant without a time zone.
    """
    checked = validate_call(config=_STRICT)(method)
    parameters = inspect.signature(method).parameters.values()
    positions = [each.name for each in parameters if each.kind < inspect.Parameter.KEYWORD_ONLY]

    @wraps(method)
    def call(*args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        with localcontext(ARITHMETIC):
            try:
                return checked(*args, **kwargs)
            except ValidationError as error:
                if error.title != method.__qualname__:
                    raise
                raise _misuse(error, positions) from None
            except ModelctlError as error:
                error.message, error.hint = _with_arguments(error.message), _with_arguments(error.hint)
                if isinstance(error, BadRows):
                    error.problems = tuple(map(_with_arguments, error.problems))
                raise

    return call


def _misuse(error: ValidationError, positions: Sequence[str]) -> UsageError:
    """What is wrong with the first argument that is. Its value is not told: it may be a key."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    place, kind = problems[0]["loc"][0], problems[0]["type"]
    name = place if isinstance(place, str) else positions[min(place, len(positions) - 1)]
    alternatives = [str(each["loc"][-1]) for each in problems if each["loc"][0] == place]
    if len(alternatives) > 1:
        text = f"should be {' or '.join(_EXPECTED.get(each, each) for each in alternatives)}"
    elif kind in ("extra_forbidden", "unexpected_keyword_argument"):
        text = "there is no such argument"
    else:
        text = "is missing" if kind.startswith("missing") else problems[0]["msg"].removeprefix("Input ")
    return UsageError(f"{name}: {text[:1].lower()}{text[1:]}")


def _with_arguments(text: str) -> str:
    """A message of the commands with arguments in place of flags; a command that it tells to run stays as it is."""
    return "".join(
        part
        if part.startswith("`")
        else _FLAG.sub(lambda flag: _ARGUMENT.get(flag[1], flag[1].replace("-", "_")), part)
        for part in _COMMAND.split(text)
    )


def each_for_programs(cls: _Class) -> _Class:
    """The class with every public method so."""
    for name, method in list(vars(cls).items()):
        if inspect.isfunction(method) and (name == "__init__" or not name.startswith("_")):
            setattr(cls, name, for_programs(method))
    return cls


def filter_given(where: Filter | str) -> Filter:
    return filter_of(where) if isinstance(where, str) else where


def facts_given(facts: Mapping[str, object]) -> dict[str, FactValue]:
    """Facts by name. UsageError for one that there is not, and for a value that it cannot have."""
    return facts_from_json({name: encode(cast(FactValue, value)) for name, value in facts.items()})


def provider_options(settings: ProviderArguments) -> ProviderOptions:
    given: dict[str, Any] = {**settings}
    if "env" in given:
        given["env"] = tuple(given["env"]) or ("",)
    if "headers" in given:
        given["headers"] = tuple(f"{name}={value}" for name, value in given["headers"].items())
    return ProviderOptions(**given)


def sync_options(providers: tuple[str, ...], wanted: SyncArguments) -> SyncOptions:
    source = require_known(wanted.get("source", SourceChoice.AUTO), map(str, SourceChoice), "source")
    return SyncOptions(
        providers=providers,
        source=SourceChoice(source),
        project=project_of(wanted.get("project") or None),
        acceptance=Acceptance(everything=wanted.get("force", False), names=frozenset(wanted.get("accept", ()))),
        all_or_nothing=wanted.get("all_or_nothing", False),
        configured_only=wanted.get("configured_only", False),
    )


def terms_given(
    starts: datetime | date | None,
    unit: str,
    context_above: Amount,
    service_tier: str,
    currency: str | None,
    source: str,
) -> dict[str, str]:
    """What holds for each price that is entered, by the fields of a price."""
    return {
        "from": "" if starts is None else starts.isoformat(),
        "unit": unit,
        "context_above": plain_number(context_above),
        "service_tier": service_tier,
        "currency": currency or "",
        "source": source,
    }
