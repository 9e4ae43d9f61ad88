"""Loads every dataset repository of a plan with `datasets`, as a reader will: each configuration that its card states.

`datasets` is imported inside functions, so that the definitions load without it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from codelewm_assets.release.hub_layout import CARD
from codelewm_assets.release.hub_plan import PlannedFile


def stage(folder: Path, files: Mapping[str, Path | bytes]) -> None:
    """Lay files out in a folder: links to those on disk, and the generated ones themselves. Args: files: by path in it."""
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            target.write_bytes(source)
        else:
            target.symlink_to(source.resolve())


def loading_faults(sources: Mapping[PlannedFile, Path | bytes]) -> Iterator[str]:
    """A sentence for each dataset repository whose card states no data, and each configuration that does not load.

    Args: sources: the planned files with their local paths, or the bytes of generated ones.
    """
    for repository in sorted({file.repository for file in sources if file.repository_type == "dataset"}):
        files = {file.path: source for file, source in sources.items() if file.repository == repository}
        with TemporaryDirectory(prefix="codelewm-dataset-") as folder:
            stage(Path(folder, "repository"), files)
            yield from (f"{repository} {fault}" for fault in _faults(Path(folder)))


def _faults(folder: Path) -> Iterator[str]:
    """Faults of the repository in a folder."""
    import datasets
    from huggingface_hub import DatasetCard

    root = folder / "repository"
    if not (root / CARD).is_file():  # card_missing
        return
    header = DatasetCard.load(root / CARD, ignore_metadata_errors=True).data.to_dict()
    configs: Sequence[Mapping[str, Any]] = header.get("configs") or ()
    if not configs and header.get("viewer") is not False:
        yield f"{CARD} states neither configs nor `viewer: false`; a reader's `load_dataset` would guess"
    datasets.disable_progress_bars()
    for config in configs:
        name = config["config_name"]
        try:
            datasets.load_dataset(str(root), name, cache_dir=str(folder / "cache"))
        except (datasets.exceptions.DatasetsError, ValueError, KeyError, OSError) as error:
            yield f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
