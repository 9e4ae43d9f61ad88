"""A saved model loads with `transformers` alone, and gives what this package gives."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from codelewm_assets.training.hub import new_model, save_fold
from codelewm_assets.training.latents import predict
from codelewm_assets.training.loop import FoldData
from codelewm_assets.training.modeling_codelewm import CodeLeWMModel
from codelewm_assets.training.sidecar import FOLDER_FILES
from codelewm_assets.training.tokenize import EMPTY_ACTION, Texts, tokenize_fold
from codelewm_assets_tests.tiers import slow
from codelewm_assets_tests.training.tokens import CONFIG

STRANGER = """
import json, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "codelewm_assets":
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

folder, records = sys.argv[1], json.loads(sys.argv[2])
assert AutoConfig.from_pretrained(folder, trust_remote_code=True).model_type == "codelewm"
model = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
with torch.no_grad():
    output = model(**model.segments(tokenizer, records))
target = all(torch.equal(a, b) for a, b in zip(model.encoder.parameters(), model.target.parameters()))
print(json.dumps([output.logits.tolist(), output.z_pred.tolist(), type(tokenizer).__name__, target]))
"""


@pytest.fixture(scope="module")
def model() -> CodeLeWMModel:
    torch.manual_seed(3)
    model = new_model(CONFIG)
    model.eval()
    return model


@pytest.fixture(scope="module")
def folder(model: CodeLeWMModel, texts: Texts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saved as fold 0."""
    path = tmp_path_factory.mktemp("saved")
    save_fold(model, tokenize_fold(texts, CONFIG, model_fold=0)[0], 0, path)
    return path / "fold0"


def test_a_fold_is_exactly_the_named_files(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(FOLDER_FILES)
    described = json.loads((folder / "config.json").read_bytes())
    assert described["auto_map"] == {
        "AutoConfig": "configuration_codelewm.CodeLeWMConfig",
        "AutoModel": "modeling_codelewm.CodeLeWMModel",
    }
    assert described["max_segment_tokens"] == {name: CONFIG.lengths[name] for name in CONFIG.lengths}


def test_the_saved_weights_are_the_models_to_the_bit(model: CodeLeWMModel, folder: Path) -> None:
    saved, own = load_file(folder / "model.safetensors"), model.state_dict()
    assert saved.keys() == own.keys()
    assert all(torch.equal(saved[name], own[name]) for name in own)


def test_the_same_weights_give_the_same_bytes(model: CodeLeWMModel, folder: Path, texts: Texts, tmp_path: Path) -> None:
    save_fold(model, tokenize_fold(texts, CONFIG, model_fold=0)[0], 0, tmp_path)
    for name in FOLDER_FILES:
        assert (tmp_path / "fold0" / name).read_bytes() == (folder / name).read_bytes()


@slow
def test_a_release_loads_where_this_package_is_not_installed_and_gives_the_same(
    model: CodeLeWMModel, folder: Path, fold_data: FoldData, texts: Texts, tmp_path: Path
) -> None:
    """Padded there, packed with shared beginnings here; an empty action and a cut program among them."""
    chosen = fold_data.records[:6]
    inputs = [0, *(record.input for record in chosen[1:])]
    rows = [
        {"prompt": texts.by_field["prompt"][r.prompt], "code": texts.by_field["code"][r.code]}
        | ({"input": texts.by_field["input"][action]} if action else {})
        for r, action in zip(chosen, inputs, strict=True)
    ]
    assert texts.by_field["input"][0] == EMPTY_ACTION
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, str(folder), json.dumps(rows)],
        cwd=tmp_path, env=environment | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    logits, z_pred, tokenizer, is_target_equal = json.loads(done.stdout.splitlines()[-1])
    here = predict(model, fold_data, CONFIG, [r.code for r in chosen], inputs, [r.prompt for r in chosen])
    np.testing.assert_allclose(logits, here.logit, atol=1e-5)
    np.testing.assert_allclose(z_pred, here.z_pred, atol=1e-5)
    assert (is_target_equal and "Fast" in tokenizer) or "Tokenizers" in tokenizer
