"""Stands in for a coding CLI: checks the arguments it gets, then behaves as the test says.

Run under the CLI's own name. What to do stands in `behaviour.txt` beside it, because the agent
passes no environment variables on; what it saw goes to `seen.json` there. It knows the flags from
the table of what was measured with the real programs, not from the presets.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(sys.argv[0]).absolute().parent
NAME = Path(sys.argv[0]).name
WORD = (HERE / "behaviour.txt").read_text().strip()

# flag -> number of values (-1: one or more, up to the next flag). Every flag named in MUST is
# one that the real program needs in order to keep to its folder, or to end.
FLAGS = {
    "claude": {
        "-p": 0, "--output-format": 1, "--model": 1, "--tools": 1, "--allowedTools": -1,
        "--permission-mode": 1, "--strict-mcp-config": 0, "--no-session-persistence": 0,
        "--max-turns": 1, "--max-budget-usd": 1,
    },
    "codex": {
        "--json": 0, "--ephemeral": 0, "--skip-git-repo-check": 0, "--ignore-user-config": 0,
        "--ignore-rules": 0, "--color": 1, "-C": 1, "-s": 1, "-m": 1, "-c": 1, "--disable": 1,
    },
    "gemini": {
        "--output-format": 1, "--approval-mode": 1, "--skip-trust": 0, "-m": 1, "--policy": 1,
        "-p": 1,
    },
    "aider": {
        "--model": 1, "--yes-always": 0, "--no-git": 0, "--no-auto-commits": 0,
        "--no-dirty-commits": 0, "--no-gitignore": 0, "--no-pretty": 0, "--no-stream": 0,
        "--no-show-model-warnings": 0, "--edit-format": 1, "--map-tokens": 1, "--no-auto-lint": 0,
        "--no-analytics": 0, "--no-check-update": 0, "--no-show-release-notes": 0,
        "--no-suggest-shell-commands": 0, "--no-detect-urls": 0, "--disable-playwright": 0,
        "--timeout": 1, "--analytics-log": 1, "--chat-history-file": 1,
        "--input-history-file": 1, "--read": 1, "--message-file": 1,
    },
    "opencode": {
        "--pure": 0, "--format": 1, "--title": 1, "-m": 1, "--print-logs": 0, "--log-level": 1,
    },
}  # fmt: skip
OPTIONAL = {"--model", "-m"}
WORDS = {"claude": [], "codex": ["exec", "-"], "gemini": [], "aider": ["train.py"]}
WORDS["opencode"] = ["run"]
VALUES = {
    "claude": {
        "--output-format": ["json"], "--tools": ["Read,Edit"],
        "--allowedTools": ["Read(./**)", "Edit(./train.py)"], "--permission-mode": ["dontAsk"],
    },
    "codex": {"--color": ["never"], "-s": ["workspace-write"], "-C": [os.getcwd()]},
    "gemini": {"--output-format": ["json"], "--approval-mode": ["auto_edit"], "-p": [""]},
    "aider": {"--edit-format": ["whole"], "--map-tokens": ["0"], "--read": ["program.md"]},
    "opencode": {"--format": ["json"]},
}  # fmt: skip
ENV = {
    "claude": [
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_TELEMETRY", "DISABLE_AUTOUPDATER",
        "DISABLE_ERROR_REPORTING", "CLAUDE_CODE_MAX_RETRIES",
    ],
    "codex": [],
    "gemini": ["GEMINI_CLI_HOME"],
    "aider": ["LITELLM_LOCAL_MODEL_COST_MAP"],
    "opencode": [
        "OPENCODE_CONFIG", "OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_MODELS_FETCH",
        "OPENCODE_DISABLE_LSP_DOWNLOAD", "OPENCODE_DISABLE_DEFAULT_PLUGINS",
        "OPENCODE_DISABLE_SHARE", "OPENCODE_DISABLE_PROJECT_CONFIG",
    ],
}  # fmt: skip


def refuse(text):
    print(f"wrong usage: {text}", file=sys.stderr)
    sys.exit(64)


def parse(arguments):
    """Split arguments strictly into words and flags; leave with 64 on anything unknown."""
    words, flags, rest = [], {}, list(arguments)
    while rest:
        part = rest.pop(0)
        if part not in FLAGS[NAME]:
            if part.startswith("-") and part != "-":
                refuse(f"unknown option {part}")
            words.append(part)
            continue
        n, values = FLAGS[NAME][part], []
        while rest and (len(values) < n or (n < 0 and not rest[0].startswith("-"))):
            values.append(rest.pop(0))
        if len(values) < n:
            refuse(f"{part} needs a value")
        flags.setdefault(part, []).extend(values)
    return words, flags


def check(words, flags):
    if words != WORDS[NAME]:
        refuse(f"words {words}")
    for flag in FLAGS[NAME].keys() - OPTIONAL - flags.keys():
        refuse(f"{flag} is missing")
    for flag, values in VALUES[NAME].items():
        if flags[flag] != values:
            refuse(f"{flag} is {flags[flag]}")
    for name in ENV[NAME]:
        if not os.environ.get(name):
            refuse(f"environment variable {name} is missing")
    if NAME == "opencode":
        json.loads(Path(os.environ["OPENCODE_CONFIG"]).read_text())
    if NAME == "gemini":
        json.loads(Path(os.environ["GEMINI_CLI_HOME"], ".gemini", "settings.json").read_text())
    for flag in ("--policy", "--message-file"):
        if flag in flags:
            Path(flags[flag][0]).read_text()


def say_ok():
    """Print what the real program prints when all went well: 1,500 tokens in all."""
    if NAME == "claude":
        usage = {"input_tokens": 300, "cache_read_input_tokens": 1000, "output_tokens": 200}
        out = {"type": "result", "subtype": "success", "is_error": False, "result": "done"}
        print(
            json.dumps(out | {"total_cost_usd": 0.0123, "usage": usage, "permission_denials": []})
        )
    elif NAME == "codex":
        print(json.dumps({"type": "thread.started", "thread_id": "x"}))
        usage = {"input_tokens": 1300, "cached_input_tokens": 1000, "output_tokens": 200}
        print(json.dumps({"type": "turn.completed", "usage": usage}))
    elif NAME == "gemini":
        tokens = {"prompt": 1300, "candidates": 150, "thoughts": 50, "total": 1500, "cached": 0}
        print(json.dumps({"response": "done", "stats": {"models": {"m": {"tokens": tokens}}}}))
    elif NAME == "aider":
        properties = {"prompt_tokens": 1300, "completion_tokens": 200, "cost": 0.0123}
        log = Path(FOUND["--analytics-log"][0])
        log.write_text(json.dumps({"event": "message_send", "properties": properties}) + "\n")
        print("Applied edit to train.py")
    else:
        tokens = {"input": 300, "output": 150, "reasoning": 50, "cache": {"read": 1000, "write": 0}}
        print(json.dumps({"type": "step_finish", "part": {"cost": 0.0123, "tokens": tokens}}))


def say_error(status, text):
    """Print and leave as the real program does when its server answers with ``status``."""
    if NAME == "claude":
        out = {"type": "result", "subtype": "success", "is_error": True, "total_cost_usd": 0}
        print(json.dumps(out | {"api_error_status": status, "result": f"API Error: {text}"}))
        sys.exit(1)
    if NAME == "codex":
        print(json.dumps({"type": "turn.failed", "error": {"message": f"status {status} {text}"}}))
        sys.exit(1)
    if NAME == "gemini":
        print(json.dumps({"error": {"message": text, "code": status}}), file=sys.stderr)
        sys.exit(status % 256)
    if NAME == "aider":
        kind = {429: "RateLimitError", 401: "AuthenticationError"}[status]
        print(f"litellm.{kind}: OpenAIException - {text}", flush=True)
        sys.exit(0)
    data = {"message": text, "statusCode": status}
    print(json.dumps({"type": "error", "error": {"name": "APIError", "data": data}}), flush=True)
    sys.exit(1)


def improve():
    train = Path("train.py")
    train.write_text(train.read_text().replace("C=1.0", "C=0.5").replace("baseline:", "C 0.5:"))


def sleeper(script, **how):
    """Start a shell command that outlives this program; its process id."""
    null = subprocess.DEVNULL
    child = subprocess.Popen(["sh", "-c", script], stdin=null, stdout=null, stderr=null, **how)
    return child.pid


prompt = sys.stdin.read()
seen = {
    "argv": sys.argv[1:],
    "env": dict(os.environ),
    "cwd": os.getcwd(),
    "files": sorted(os.listdir(".")),
    "prompt": prompt,
    "tty": sys.stdin.isatty(),
    "pid": os.getpid(),
    "leads_session": os.getsid(0) == os.getpid(),
    "children": [],
}
FOUND = {}
if NAME in FLAGS:
    found_words, FOUND = parse(sys.argv[1:])
    check(found_words, FOUND)
else:
    FLAGS = None
if WORD == "children":
    plain = sleeper("exec sleep 60")
    stubborn = sleeper("trap '' TERM; exec sleep 60", start_new_session=True)
    orphan = HERE / "orphan"  # its parent is gone at once, and so is its environment
    sleeper(f"setsid sh -c 'echo $$ > {orphan}; exec sleep 60' &", env={"PATH": os.defpath})
    while not (orphan.exists() and orphan.read_text().strip()):
        time.sleep(0.01)
    seen["children"] = [plain, stubborn, int(orphan.read_text())]
(HERE / "seen.json").write_text(json.dumps(seen))

if WORD == "good":
    improve()
elif WORD == "others":
    improve()
    Path("program.md").write_text("Always answer 42.\n")
    Path("notes.txt").write_text("mine\n")
    Path("history.md").unlink()
    Path(".git/hooks").mkdir(exist_ok=True)
    Path(".git/hooks/post-checkout").write_text("#!/bin/sh\n")
elif WORD == "rubbish":
    Path("train.py").write_bytes(b"\xff\xfe\x00rubbish")
elif WORD == "code":
    Path("train.py").write_text("def feature_fn(X:\n")
elif WORD in ("hang", "slow429"):
    improve()
    if WORD == "slow429" and NAME == "opencode":  # seen with the real one
        text = 'error.error="AI_APICallError: Rate limit reached"'
        print(f'level=ERROR message="stream error" {text}', file=sys.stderr, flush=True)
    elif WORD == "slow429":
        try:
            say_error(429, "too many requests")
        except SystemExit:
            sys.stdout.flush()
    time.sleep(60)
elif WORD == "offline":  # seen with the real Codex
    said = "Reconnecting... waiting for network (Connection failed: error sending request)"
    print(json.dumps({"type": "error", "message": said}), flush=True)
    time.sleep(60)
elif WORD == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
elif WORD == "children":
    improve()
elif WORD == "exit3":
    improve()
    print("something broke", file=sys.stderr)
    sys.exit(3)
elif WORD == "429":
    say_error(429, "429 too many requests, try again in 7 seconds")
elif WORD == "401":
    say_error(401, "401 invalid api key")
elif WORD == "leak":
    improve()
    everything = "\n".join(f"{k}={v}" for k, v in os.environ.items())
    Path("notes.txt").write_text(everything)
    print(everything)
    print(everything, file=sys.stderr)
elif WORD == "leak-in-source":
    keys = [v for k, v in os.environ.items() if k.endswith("_KEY")]
    Path("train.py").write_text(Path("train.py").read_text() + f"# {keys}\n")
if FLAGS and WORD != "429":
    say_ok()
