"""A notebook run without a screen counts as finished only if its own record says so."""

import importlib.util
import json
import subprocess
import sys
from types import ModuleType

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

PNG = b"\x89PNG\r\n\x1a\n"
GOOD_CELL = """
import json, pathlib
folder = pathlib.Path("runs") / tag
folder.mkdir(parents=True, exist_ok=True)
(folder / "loop.png").write_bytes(b"\\x89PNG\\r\\n\\x1a\\nrest")
header = "commit\\tdecision\\n"
rows = "".join(f"abc\\t{d}\\n" for d in ["baseline"] + ["kept", "discarded"] * (iterations // 2))
(folder / "results.tsv").write_text(header + rows)
(folder / "notebook.json").write_text(
    json.dumps({"status": "ok", "plot": f"runs/{tag}/loop.png", "claim": "Cannot tell: too few."})
)
print("iter 1 of", iterations, agent)
"""


@pytest.fixture
def headless(repo, tmp_path, monkeypatch) -> ModuleType:
    """Load tools/run_headless.py with `tmp_path` as its checkout."""
    path = repo / "tools" / "run_headless.py"
    spec = importlib.util.spec_from_file_location("run_headless", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return module


@pytest.fixture
def notebook(tmp_path):
    """Write a notebook of a parameters cell and one more."""

    def write(code: str):
        parameters = new_code_cell('tag = ""\niterations = 1\nagent = ""')
        parameters.metadata["tags"] = ["parameters"]
        book = new_notebook(cells=[parameters, new_code_cell(code)])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        path = tmp_path / "lesson.ipynb"
        nbformat.write(book, path)
        return path

    return write


def leave(folder, status="ok", plot="loop.png", png=PNG):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "loop.png").write_bytes(png)
    record = folder / "notebook.json"
    relative = f"runs/{folder.name}/{plot}"
    record.write_text(json.dumps({"status": status, "plot": relative}), encoding="utf-8")
    return record


@pytest.mark.heavy
def test_good_notebook(headless, notebook, tmp_path, capfd):
    path = notebook(GOOD_CELL)
    words = [str(path), "--tag", "20261231", "-p", "iterations", "12", "-p", "agent", "playbook"]
    assert headless.main(words) == 0
    out, err = capfd.readouterr()
    assert "iter 1 of 12 playbook" in out + err  # seen while it runs
    assert "(12 iterations, 6 kept)" in out
    assert "executed notebook: runs/20261231.ipynb" in out
    assert "plot:              runs/20261231/loop.png" in out
    assert out.splitlines()[-1] == "what may be claimed: Cannot tell: too few."
    done = nbformat.read(tmp_path / "runs" / "20261231.ipynb", as_version=4)
    assert done.cells[-1].execution_count is not None
    injected = next(cell for cell in done.cells if "injected-parameters" in cell.metadata.tags)
    assert 'tag = "20261231"' in injected.source  # a tag of digits stays text


@pytest.mark.heavy
def test_failing_notebook(headless, notebook, tmp_path, capfd):
    path = notebook(GOOD_CELL + "\nraise RuntimeError('broken on purpose')")
    assert headless.main([str(path), "--tag", "bad", "-p", "iterations", "2"]) == 1
    _, err = capfd.readouterr()
    assert "broken on purpose" in err
    assert err.splitlines()[-1].startswith("run: papermill stopped with exit status 1")
    assert "--tag bad continues" in err
    assert (tmp_path / "runs" / "bad" / "notebook.json").exists()  # its record said ok all the same


@pytest.mark.heavy
def test_notebook_that_stops_early_and_quietly(headless, notebook, capfd, tmp_path):
    # an earlier run under the same tag had ended well: its record must not count
    leave(tmp_path / "runs" / "quiet")
    path = notebook("print('nothing happens')")
    assert headless.main([str(path), "--tag", "quiet"]) == 1
    assert "left no record at runs/quiet/notebook.json" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "failed"}, "says status 'failed'"),
        ({"status": None}, "says status None"),
        ({"plot": "other.png"}, "not a PNG"),
        ({"png": b"<svg/>"}, "not a PNG"),
    ],
)
def test_record_that_is_not_enough(headless, tmp_path, change, message):
    out = tmp_path / "runs" / "t.ipynb"
    record = leave(tmp_path / "runs" / "t", **change)
    out.write_text("{}", encoding="utf-8")
    with pytest.raises(headless.NotFinished, match=message):
        headless.check_record(record, out)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"ok"', "null"])
def test_record_that_is_no_record(headless, tmp_path, text):
    record = tmp_path / "notebook.json"
    record.write_text(text, encoding="utf-8")
    with pytest.raises(headless.NotFinished):
        headless.check_record(record, tmp_path / "t.ipynb")


def test_missing_executed_notebook(headless, tmp_path):
    record = leave(tmp_path / "runs" / "t")
    with pytest.raises(headless.NotFinished, match="no executed notebook"):
        headless.check_record(record, tmp_path / "runs" / "t.ipynb")


def test_fresh_tag_each_time(headless, notebook, monkeypatch, tmp_path):
    tags = []
    monkeypatch.setattr(headless, "run", lambda book, tag, parameters: tags.append(tag))
    path = notebook("pass")
    headless.main([str(path)])
    headless.time = type("Later", (), {"strftime": lambda form: form.replace("%", "") + "9"})
    headless.main([str(path)])
    assert len(set(tags)) == 2
    assert all(tag.startswith("demo-") for tag in tags)


@pytest.mark.parametrize("tag", ["../up", "a/b", "", "-x", ".hidden", "two words"])
def test_tag_cannot_leave_the_runs_folder(headless, notebook, tag, capsys):
    path = notebook("pass")
    words = [str(path), f"--tag={tag}"]
    if tag == "":
        words = [str(path), "--tag", " "]
    with pytest.raises(SystemExit, match="2"):
        headless.main(words)
    assert "use letters" in capsys.readouterr().err


def test_missing_notebook_is_wrong_usage(repo, tmp_path):
    done = subprocess.run(
        [sys.executable, repo / "tools" / "run_headless.py", tmp_path / "none.ipynb"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "no notebook at" in done.stderr


def test_jupyter_writes_inside_the_environment(headless):
    environment = headless.environment()
    for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
        assert environment[name].startswith(sys.prefix)
