"""Fixtures that several test files share."""

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from indexing import Index

from rag.models.minilm import MiniLM
from rag.settings import Settings, load_settings

SEEDS = Path(__file__).parent.parent / "seeds"

# A suite that runs in the background is started with the interrupt key ignored, and every command it starts would be
# too; the tests of Ctrl-C need it heard.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def model() -> MiniLM:
    """The bundled model, loaded once."""
    return MiniLM()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings for an empty folder of documents, whatever the environment says."""
    (tmp_path / "documents").mkdir()
    return load_settings({"documents": tmp_path / "documents", "data": tmp_path / "data"}, environ={})


@pytest.fixture
def open_index(model: MiniLM) -> Iterator[Callable[..., Index]]:
    """Opens the index of some settings; closed after the test."""
    opened: list[Index] = []

    def open_one(settings: Settings, **more: str) -> Index:
        opened.append(Index(settings, model, **more))
        return opened[-1]

    yield open_one
    for index in opened:
        index.close()


@pytest.fixture
def index(settings: Settings, open_index: Callable[..., Index]) -> Index:
    """The index of `settings`, open and empty."""
    return open_index(settings)


@pytest.fixture(scope="session")
def _seeds_data(model: MiniLM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("seeds")
    index = Index(load_settings({"documents": SEEDS, "data": data}, environ={}), model)
    index.ingest()
    index.close()
    return data


@pytest.fixture
def seeds_index(_seeds_data: Path, tmp_path: Path) -> Settings:
    """Settings for the seeds with a fresh copy of their finished index."""
    shutil.copytree(_seeds_data, tmp_path / "data")
    return load_settings({"documents": SEEDS, "data": tmp_path / "data"}, environ={})
