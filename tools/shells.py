"""Complete in bash, zsh and fish as they are, with what `modelctl completion` prints. Exit 1 where one does not."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LINES = {
    "modelctl show deepseek/deepseek-v4-f": "deepseek/deepseek-v4-flash",
    "modelctl override pin deepseek/deepseek-v4-flash knowl": "knowledge_cutoff",
    "modelctl set deepseek/deepseek-v4-flash context_w": "context_window=",
    "modelctl list --columns model_id,knowl": "model_id,knowledge_cutoff",
    "modelctl list --capability vis": "vision",
    "modelctl runs show 2": "{run}",
    "modelctl sync deeps": "deepseek",
    "modelctl config set lock": "lock_wait_s",
    "modelctl comp": "completion",
}
"""What is typed before the Tab key, and what must come of it."""
PROMPTS = {
    "bash": (["bash", "--norc"], "PS1='> '; source <(modelctl completion bash); echo rea''dy\n"),
    "zsh": (
        ["zsh", "-f"],
        "PS1='> '; setopt nobeep; fpath=($HOME $fpath); autoload -U compinit; compinit -u; echo rea''dy\n",
    ),
}
WAIT_S = 15.0
"""For a shell to show what it completed."""
CLEAR_LINE = "\x15"


def main() -> int:
    """Try every shell that is installed; one that is not counts as failed."""
    failed = 0
    with tempfile.TemporaryDirectory() as home:
        environ = _environment(Path(home))
        _modelctl(environ, "sync", "deepseek", "--source", "catalog", "--quiet")
        run = json.loads(_modelctl(environ, "runs", "list", "--json"))["runs"][0]["run"]
        wanted = {line: answer.format(run=run) for line, answer in LINES.items()}
        Path(home, "_modelctl").write_text(_modelctl(environ, "completion", "zsh"), encoding="utf-8")
        for shell in ("bash", "zsh", "fish"):
            if shutil.which(shell) is None:
                print(f"{shell}: not installed (Debian: apt-get install {shell})")
                failed += 1
                continue
            answers = _of_fish(environ) if shell == "fish" else _of_prompt(shell, wanted, environ)
            wrong = [line for line in wanted if wanted[line] not in answers.get(line, "")]
            print(f"{shell}: {len(wanted) - len(wrong)} of {len(wanted)} lines completed", *wrong, sep="\n  ")
            failed += bool(wrong)
    return 1 if failed else 0


def _environment(home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    url = f"sqlite:///{home / 'models.db'}"
    return {"HOME": str(home), "PATH": path, "DATABASE_URL": url, "TERM": "xterm", "COLUMNS": "200", "LANG": "C.UTF-8"}


def _modelctl(environ: dict[str, str], *argv: str) -> str:
    return subprocess.run(["modelctl", *argv], env=environ, capture_output=True, text=True, check=True).stdout


def _of_fish(environ: dict[str, str]) -> dict[str, str]:
    """Fish tells what it would complete."""
    asked = "\n".join(f"complete -C '{line}'; echo '#'" for line in LINES)
    script = f"modelctl completion fish | source\n{asked}"
    done = subprocess.run(["fish", "-c", script], env=environ, capture_output=True, text=True, check=True)
    return dict(zip(LINES, done.stdout.split("#\n"), strict=False))


def _of_prompt(shell: str, wanted: dict[str, str], environ: dict[str, str]) -> dict[str, str]:
    """The others are typed at, on a terminal of their own."""
    argv, first = PROMPTS[shell]
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(environ["HOME"])
        os.execvpe(argv[0], argv, environ)
    try:
        _until(terminal, "", 1.0)
        os.write(terminal, first.encode())
        _until(terminal, "ready", WAIT_S)
        answers = {}
        for line, answer in wanted.items():
            os.write(terminal, f"{CLEAR_LINE}{line}\t".encode())
            answers[line] = _until(terminal, answer, WAIT_S)
        return answers
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)


def _until(terminal: int, wanted: str, limit_s: float) -> str:
    """What is shown until the wanted text is there, or for so long."""
    shown, end_s = "", time.monotonic() + limit_s
    while time.monotonic() < end_s and not (wanted and wanted in shown):
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 65_536).decode(errors="replace").replace("\a", "")
    return shown


if __name__ == "__main__":
    sys.exit(main())
