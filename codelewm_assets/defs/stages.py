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
OWNERS = ["team:evidence"]
