"""Croissant metadata of the published dataset, with the responsible-AI fields, from the columns of its tables.

Source: Croissant 1.1 (http://mlcommons.org/croissant/1.1) and Croissant RAI 1.0 (http://mlcommons.org/croissant/RAI/1.0).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from codelewm_assets.core.digests import pretty_json, sha256_file
from codelewm_assets.release.hub_benchmark import EVAL_FILE, eval_yaml
from codelewm_assets.release.hub_layout import CONFIGS, DATASET, NAMESPACE, Place
from codelewm_assets.store.store import Artifact

CROISSANT = "croissant.json"
CR, RAI = "http://mlcommons.org/croissant/", "http://mlcommons.org/croissant/RAI/"
CR_KEYS = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject", "fileProperty",
    "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
    "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": CR,
    "rai": RAI,
    "sc": "https://schema.org/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{key: f"cr:{key}" for key in CR_KEYS},
}
RESPONSIBLE_AI: dict[str, str | list[str]] = {
    "rai:dataCollection": "Programs are rewrites of benchmark references, the same programs with an injected bug, and imported "
    "programs of language models where a profile names them. Each ran on each input in a sandbox.",
    "rai:dataCollectionType": ["Software Collection", "Experiments"],
    "rai:dataPreprocessingProtocol": "Programs, inputs and outputs are replaced by hashed tokens. Near-duplicate problems share "
    "a fold.",
    "rai:dataAnnotationProtocol": "A label is the outcome of running a program twice under different hash seeds and comparing its "
    "output with the reference's. No person annotated anything.",
    "rai:machineAnnotationTools": ["codelewm_assets"],
    "rai:dataLimitations": "A label covers the listed inputs alone. Generated bugs are no sample of the bugs that people or "
    "models write.",
    "rai:dataBiases": "Problems are those of HumanEval and MBPP-Plus: short functions, English prompts. Operators of bugs were "
    "chosen by hand.",
    "rai:personalSensitiveInformation": "None is known of. Text files and everything behind the hashed tokens are scanned for "
    "secrets.",
    "rai:dataSocialImpact": "A score of a program is no proof that it is right; nothing here may replace running tests.",
    "rai:dataUseCases": "Comparing scorers of programs with simple controls. Not for training models that write code.",
    "rai:dataReleaseMaintenancePlan": "Each release has a tag over its content; an earlier one stays under its tag.",
}
ADDRESS = f"https://huggingface.co/datasets/{NAMESPACE}/{DATASET}"
TYPES = (
    (pa.types.is_string, "sc:Text"),
    (pa.types.is_boolean, "sc:Boolean"),
    (pa.types.is_integer, "cr:Int64"),
    (pa.types.is_floating, "cr:Float64"),
)


def croissant(tables: Mapping[str, Path], *, version: str) -> bytes:
    """The metadata as JSON-LD.

    Args:
        tables: configuration → local path of its Parquet file.
        version: of the data.
    """
    content = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [f"{CR}1.1", f"{RAI}1.0"],
        "name": DATASET,
        "description": "Outcomes of running small Python programs on the inputs of benchmark problems, and pools of such "
        "programs to be ordered.",
        "url": ADDRESS,
        "license": _licences(tables["default"]),
        "creator": {"@type": "sc:Organization", "name": NAMESPACE, "url": f"https://github.com/{NAMESPACE}"},
        "keywords": ["code", "program-execution", "execution-labels"],
        "version": version,
        "isLiveDataset": False,
        "citeAs": f"CodeLeWM execution pack, {ADDRESS}",
        **RESPONSIBLE_AI,
        "distribution": [_file(name, path) for name, path in tables.items()],
        "recordSet": [_records(name, pq.read_schema(path)) for name, path in tables.items()],
    }
    return pretty_json(content)


def dataset_files(stored: Mapping[Place, Artifact]) -> dict[str, bytes]:
    """Generated files at the root of the dataset's repository; none when a table is not stored.

    Args:
        stored: the artifacts of the release, without damaged ones.
    """
    tables = {
        place.path_of(file.path): artifact.path(file.path)
        for place, artifact in stored.items()
        if place.repository == DATASET
        for file in artifact.manifest.files
    }
    cards = [artifact.digest for place, artifact in stored.items() if place.kind == "dataset_card"]
    if not cards or not set(CONFIGS.values()) <= tables.keys():
        return {}
    of_configs = {name: tables[path] for name, path in CONFIGS.items()}
    return {CROISSANT: croissant(of_configs, version=f"1.0.0+{cards[0][:12]}"), EVAL_FILE: eval_yaml()}


def _licences(path: Path) -> list[str]:
    """Page that states the licences of the rows."""
    rows = pq.read_table(path, columns=["license_attribution_url"])["license_attribution_url"]
    return sorted(rows.unique().to_pylist())


def _file(name: str, path: Path) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": CONFIGS[name],
        "name": CONFIGS[name],
        "contentUrl": f"{ADDRESS}/resolve/main/{CONFIGS[name]}",
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "application/x-parquet",
        "sha256": sha256_file(path),
    }


def _records(name: str, schema: pa.Schema) -> dict[str, Any]:
    nested = [
        field.name for field in schema if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type)
    ]
    fields = [_field(f"{name}/{field.name}", field.type, {"fileObject": {"@id": CONFIGS[name]}, "extract": {"column": field.name}})
              for field in schema if field.name not in nested]  # fmt: skip
    about = (
        f"Lists of records, which `datasets` reads, are not described: {', '.join(nested)}."
        if nested
        else "One row a record."
    )
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "description": about, "field": fields}


def _field(name: str, kind: pa.DataType, source: dict[str, Any]) -> dict[str, Any]:
    """A column of texts, numbers, booleans or lists of these."""
    row: dict[str, Any] = {"@type": "cr:Field", "@id": name, "name": name, "source": source}
    if pa.types.is_list(kind):
        row |= {"isArray": True, "arrayShape": "-1"}
        kind = kind.value_type
    return row | {"dataType": next((text for is_kind, text in TYPES if is_kind(kind)), "sc:Text")}
