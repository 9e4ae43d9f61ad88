"""Stages of the graph, in order. One name per stage: folder, defs file, Dagster group, tests and docs page."""

STAGES: dict[str, str] = {
    "sources": "Benchmark problems as published, or our stand-in, named as one.",
    "completions": "Programs to judge, and what running them showed.",
    "packs": "One row per problem, completion and input.",
    "splits": "Which fold each problem belongs to.",
    "decoys": "Decoy pairs and rerank pools, made from the pack.",
    "preflight": "Whether training may start on exactly these artifacts.",
    "training": "Token arrays, checkpoints per seed, and a look at their weights.",
    "evaluation": "Scores of held-out rows, and metric reports.",
    "claims": "What may be said in public, and what was.",
    "release": "What people read, and what would be published.",
}
PARTS: dict[str, str] = {
    "sources": "data",
    "completions": "data",
    "packs": "data",
    "splits": "data",
    "decoys": "data",
    "preflight": "data",
    "training": "model",
    "evaluation": "evidence",
    "claims": "evidence",
    "release": "publication",
}
"""Stage → the part of the cycle that it belongs to, a tag of its assets."""
PART_TAG, GATES_TAG = "codelewm/part", "codelewm/gates_training"
OWNERS = ["team:evidence"]
