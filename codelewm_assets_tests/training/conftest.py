"""A small world made once, its token arrays of fold 0, and an untrained model's weights."""

import pytest

from codelewm_assets.training.data import FoldData
from codelewm_assets.training.tokenize import Texts, tokenize_fold
from codelewm_assets_tests.factories import World, make_world
from codelewm_assets_tests.training.tokens import CONFIG, world_texts


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tensors this small are slower on two threads."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def small_world() -> World:
    """Six problems of each benchmark."""
    return make_world(6)


@pytest.fixture(scope="session")
def texts(small_world: World) -> Texts:
    """The small world's texts and token records."""
    return world_texts(small_world)


@pytest.fixture(scope="session")
def fold_data(texts: Texts) -> FoldData:
    """Token arrays of fold 0's model."""
    return FoldData(tokenize_fold(texts, CONFIG, model_fold=0)[1], texts.records, 0)


@pytest.fixture(scope="session")
def weights() -> bytes:
    """Weights of a model that was never trained."""
    import torch
    from safetensors.torch import save

    from codelewm_assets.training.hub import new_model

    torch.manual_seed(0)
    return bytes(save({name: tensor.contiguous() for name, tensor in new_model(CONFIG).state_dict().items()}))
