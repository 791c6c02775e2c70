"""`make interop`: each tool reads its export of all shipped catalogs, and every number that it got is ours.

Needs the package index and npm. What it compares with is the table, and what `modelctl cost` says, not the file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from modelctl import ModelStore
from modelctl.core.models.query import Filter
from modelctl.core.stored import StoredModel

HERE = Path(__file__).parent
ROOM = HERE.parents[1] / ".venv" / "interop"
PYTHON = ROOM / "python" / "bin" / "python"
PACKAGES = ("litellm==1.110.2", "genai-prices==0.2.3", "llm==0.36")
NPM = ("librechat-data-provider@0.8.524", "@continuedev/config-yaml@1.42.0", "opencode-ai@1.18.33", "js-yaml@4")
LITELLM = {"gemini": "google", "fireworks_ai": "fireworks", "together_ai": "together", "cohere_chat": "cohere"}
GENAI = {"x-ai": "xai"}
MODELS_DEV = {"fireworks-ai": "fireworks", "togetherai": "together"}


@dataclass(frozen=True, slots=True)
class Read:
    """One number that a tool read, and what it has to be."""

    tool: str
    model: str
    field: str
    got: Any
    wanted: Any
    rule: str = ""
    """Why the tool must read another number than ours; empty: it must not."""

    @property
    def is_right(self) -> bool:
        """Equal; of sums that a tool makes with floats, to twelve digits."""
        if isinstance(self.wanted, bool | str) or self.wanted is None:
            return bool(self.got == self.wanted)
        got, wanted = Decimal(str(self.got)), Decimal(str(self.wanted))
        return abs(got - wanted) <= abs(wanted) * Decimal("1e-12")


def install() -> None:
    """The packages, each in a room of ours, once."""
    if not PYTHON.exists():
        venv.create(PYTHON.parents[1], with_pip=True)
        run(PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *PACKAGES)
    if not (ROOM / "node_modules" / "opencode-ai").exists():
        run("npm", "--silent", "install", "--no-audit", "--no-fund", "--prefix", ROOM, *NPM)


def run(*command: object, **options: Any) -> str:
    """What a command prints; its errors are seen."""
    words = [str(word) for word in command]
    return str(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, **options).stdout)


class Table:
    """The models as the database has them, and the cost of the request that every tool is asked for."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._models = {each.key: each for each in store.list_models(Filter(with_retired=True))}

    def model(self, provider: str, model_id: str) -> StoredModel:
        """One of them."""
        from modelctl.core.facts import ModelKey

        return self._models[ModelKey(provider, model_id)]

    def rule(self, provider: str, model_id: str) -> str:
        """Why its cost cannot be told to a tool."""
        prices = self._store.price_at(f"{provider}/{model_id}")
        return "a price for some hours of the day" if any(key.hours_utc for key in prices) else ""

    def cost(self, provider: str, model_id: str) -> Decimal:
        """Of 1,000 tokens in and 100 out, in USD."""
        billed = self._store.cost(f"{provider}/{model_id}", input=1000, output=100)
        return billed.bill.totals["USD"]


def litellm(table: Table, directory: Path) -> Iterator[Read]:
    """The map of prices, registered; and a cost as LiteLLM computes it."""
    for name, field, got in json.loads(run(PYTHON, HERE / "litellm_reader.py", directory / "litellm-prices")):
        prefix, _, model_id = name.partition("/")
        provider = LITELLM.get(prefix, prefix)
        facts = table.model(provider, model_id).facts
        per_token = {
            "input_cost_per_token": facts.input_price_per_mtok,
            "output_cost_per_token": facts.output_price_per_mtok,
            "cache_read_input_token_cost": facts.cache_read_price_per_mtok,
        }
        limits = {
            "max_input_tokens": facts.max_input_tokens or facts.context_window,
            "max_output_tokens": facts.max_output_tokens,
            "supports_function_calling": facts.tools,
        }
        if field in per_token:
            amount = per_token[field]
            yield Read("litellm", name, field, got, None if amount is None else amount.scaleb(-6))
        elif field in limits:
            yield Read("litellm", name, field, got, limits[field])
        elif field == "cost":
            cost, rule = table.cost(provider, model_id), table.rule(provider, model_id)
            yield Read("litellm", name, field, got, cost, rule)


def genai_prices(table: Table, directory: Path) -> Iterator[Read]:
    """A cost as genai-prices computes it."""
    for name, model_id, got in json.loads(run(PYTHON, HERE / "genai_prices_reader.py", directory / "genai-prices")):
        provider = GENAI.get(name, name)
        cost, rule = table.cost(provider, model_id), table.rule(provider, model_id)
        yield Read("genai-prices", f"{name}/{model_id}", "cost", got, cost, rule)


def configs(table: Table, directory: Path) -> Iterator[Read]:
    """What LibreChat's and Continue's schemas leave."""
    reader = ROOM / "config_reader.mjs"  # Node.js looks for packages where the program lies
    reader.write_bytes((HERE / reader.name).read_bytes())
    found = run("node", reader, directory / "librechat", directory / "continue")
    for tool, provider, model_id, field, got in json.loads(found):
        if tool == "continue":
            continue  # it names no provider of ours; that the schema takes it, and complains of nothing, is the test
        facts = table.model(provider, model_id).facts
        wanted = {"prompt": facts.input_price_per_mtok, "completion": facts.output_price_per_mtok}
        yield Read(tool, f"{provider}/{model_id}", field, got, {**wanted, "context": facts.context_window}[field])


def opencode(table: Table, directory: Path) -> Iterator[Read]:
    """What opencode lists, in detail; it hides what is deprecated."""
    home = directory / "home"
    home.mkdir(exist_ok=True)
    (home / "opencode.json").write_bytes((directory / "opencode").read_bytes())
    environ = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "OPENCODE_DISABLE_MODELS_FETCH": "1"}
    text = run(ROOM / "node_modules" / ".bin" / "opencode", "models", "--verbose", cwd=home, env=environ)
    stated = json.loads((directory / "opencode").read_text(encoding="utf-8"))["provider"]
    for match in re.finditer(r"^(\S+/.+)\n\{", text, re.MULTILINE):
        listed, _ = json.JSONDecoder().raw_decode(text, match.end() - 1)
        said = stated.get(listed["providerID"], {"models": {}})["models"].get(listed["id"])
        if said is not None:
            provider = MODELS_DEV.get(listed["providerID"], listed["providerID"])
            yield from _opencode_model(table.model(provider, listed["id"]), listed, said)


def _opencode_model(model: StoredModel, listed: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[Read]:
    name, facts = str(model.key), model.facts
    if "cost" in said:
        yield Read("opencode", name, "input", listed["cost"]["input"], facts.input_price_per_mtok)
        yield Read("opencode", name, "output", listed["cost"]["output"], facts.output_price_per_mtok)
    if "limit" in said:
        yield Read("opencode", name, "context", listed["limit"]["context"], facts.context_window)
        yield Read("opencode", name, "limit", listed["limit"]["output"], facts.max_output_tokens)
    yield Read("opencode", name, "tools", listed["capabilities"]["toolcall"], bool(facts.tools))


def llm(table: Table, directory: Path) -> Iterator[Read]:
    """The models that llm lists."""
    from modelctl.core.facts import ModelKey

    (directory / "extra-openai-models.yaml").write_bytes((directory / "llm").read_bytes())
    environ = {"LLM_USER_PATH": str(directory), "PATH": "/usr/bin:/bin"}
    for name in re.findall(r"^OpenAI Chat: (\S+/\S+)", run(PYTHON, "-m", "llm", "models", env=environ), re.MULTILINE):
        key = ModelKey(*name.split("/", 1))
        yield Read("llm", name, "id", str(table.model(*key).key), name)


def tell(reads: Iterable[Read]) -> int:
    """A line for each tool, then what is wrong; how many are. What a rule explains is counted apart."""
    tools: dict[str, list[Read]] = {}
    for each in reads:
        tools.setdefault(each.tool, []).append(each)
    wrong = []
    for tool, of_tool in tools.items():
        differing = [each for each in of_tool if not each.is_right]
        explained = [each for each in differing if each.rule]
        wrong += [each for each in differing if not each.rule]
        models, differ = len({each.model for each in of_tool}), len(differing) - len(explained)
        line = f"{tool:13}  {models:5,} models  {len(of_tool):6,} numbers  {differ} differ"
        print(f"{line}; {len(explained)} explained: {explained[0].rule}" if explained else line)
    for each in wrong[:20]:
        print(f"{each.tool}: {each.model} {each.field}: read {each.got}, ours is {each.wanted}", file=sys.stderr)
    return len(wrong)


def main() -> int:
    """Install, export, let each tool read; 1 where a number differs or a tool read nothing."""
    install()
    directory = ROOM / "files"
    directory.mkdir(exist_ok=True)
    database = f"sqlite:///{directory / 'models.db'}"
    (directory / "models.db").unlink(missing_ok=True)
    modelctl = (sys.executable, "-m", "modelctl", "--database", database, "--quiet")
    run(*modelctl, "sync", "--source", "catalog")
    for name in ("litellm-prices", "genai-prices", "librechat", "continue", "opencode", "llm"):
        run(*modelctl, "export", name, "-o", directory / name)
    with ModelStore(database, environ={}) as store:
        table = Table(store)
        readers = (litellm, genai_prices, configs, opencode, llm)
        return 1 if tell(each for reader in readers for each in reader(table, directory)) else 0


if __name__ == "__main__":
    sys.exit(main())
