"""Where an agent's requests go: servers by name, addresses by variable, nothing passed over."""

import pytest

from harness.agents import get_agent
from harness.agents.chat.servers import SERVERS, find, request_to
from harness.agents.programs.presets import PRESETS

VARIABLES = {v for s in SERVERS.values() for v in s.variables.split()} | {"AUTORESEARCH_BASE_URL"}
VARIABLES |= {p.own_base for p in PRESETS.values() if p.own_base}


@pytest.fixture(autouse=True)
def empty(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


OPENAI = "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("model", "base_url", "environ", "there", "key"),
    [
        ("gpt-x", None, {}, f"gpt-x {OPENAI}/chat/completions", "OPENAI_API_KEY"),
        ("openai/gpt-x", None, {}, f"gpt-x {OPENAI}/chat/completions", "OPENAI_API_KEY"),
        ("gpt-x", None, {"OPENAI_BASE_URL": "http://h:1/v1/"}, "gpt-x http://h:1/v1", None),
        ("ollama/qwen3:8b", None, {}, "qwen3:8b http://127.0.0.1:11434/v1/chat/completions", ""),
        ("ollama/a/b", None, {"OLLAMA_HOST": "0.0.0.0"}, "a/b http://127.0.0.1:11434/v1", ""),
        ("ollama/m", None, {"OLLAMA_HOST": "gpu:9"}, "m http://gpu:9/v1/chat", ""),
        ("ollama/m", "http://gpu:11434", {}, "m http://gpu:11434/v1/chat/completions", ""),
        ("lmstudio/m", None, {}, "m http://127.0.0.1:1234/v1/chat", ""),
        ("vllm/meta-llama/L", None, {}, "meta-llama/L http://127.0.0.1:8000/v1", "VLLM_API_KEY"),
        ("litellm/ollama/m", None, {}, "ollama/m http://127.0.0.1:4000/v1", "LITELLM_API_KEY"),
        ("meta-llama/L", "http://h/v1", {}, "meta-llama/L http://h/v1/chat", "OPENAI_API_KEY"),
        ("anthropic/c", "http://gate/v1", {}, "anthropic/c http://gate/v1/chat", None),
        ("anthropic/c", None, {}, "c https://api.anthropic.com/v1/messages", "ANTHROPIC_API_KEY"),
        ("anthropic/c", None, {"ANTHROPIC_BASE_URL": "http://h"}, "c http://h/v1/messages", None),
        ("azure/d", None, {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/"},
         "d https://r.openai.azure.com/openai/v1/chat/completions", "AZURE_OPENAI_API_KEY"),
        ("azure/d", "https://r.openai.azure.com/openai/deployments/d?api-version=1", {},
         "d https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=1", None),
        ("m", None, {"AUTORESEARCH_BASE_URL": "http://a/v1"}, "m http://a/v1/chat", None),
    ],
)  # fmt: skip
def test_where_a_model_is(model, base_url, environ, there, key, monkeypatch):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    place = find(model, base_url, None, None)
    url, _ = request_to(place)
    assert f"{place.model} {url}".startswith(there)
    assert key is None or place.key_env == key


@pytest.mark.parametrize("base_url", ["ftp://x/v1", "http://", "  "])
def test_what_is_no_address_is_told(base_url):
    with pytest.raises(ValueError, match=r"base_url|say where"):
        find("azure/m", base_url, None, None)


def test_keys_are_sent_as_each_server_wants_them(monkeypatch):
    monkeypatch.setenv("K", "secret-12345")
    azure = find("azure/d", "https://r.openai.azure.com", "K", None)
    assert request_to(azure)[1] == {
        "authorization": "Bearer secret-12345",
        "api-key": "secret-12345",
    }
    assert request_to(find("anthropic/c", None, "K", None))[1] == {"x-api-key": "secret-12345"}
    assert request_to(find("ollama/m", None, None, None))[1] == {}


def test_two_that_name_a_server_are_refused(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere/v1")
    with pytest.raises(ValueError, match="OPENAI_BASE_URL"):
        find("ollama/m", None, None, None)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("model", ["openai/m", "other/m"])
def test_every_preset_honours_openai_base_url_or_refuses_it(name, model, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://here/v1")
    used = name == "codex" or (name in ("aider", "opencode") and model.startswith("openai/"))
    if used:
        assert get_agent(name, model=model).base_url == "http://here/v1"
        return
    with pytest.raises(ValueError, match="OPENAI_BASE_URL"):
        get_agent(name, model=model)


def test_an_address_that_a_program_would_pass_over_is_refused():
    with pytest.raises(ValueError, match="openai/NAME"):
        get_agent("aider", model="ollama/m", base_url="http://here/v1")
    with pytest.raises(ValueError, match="openai/NAME"):
        get_agent("opencode", model="m", base_url="http://here/v1")
