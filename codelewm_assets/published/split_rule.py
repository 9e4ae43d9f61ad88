"""CodeLeWM's published split rule, and which problems of a row file were in the train part.

The rule shuffles the pack's problems; it does not read `held_out_for_eval`, and the `split` of a score row says nothing.
"""

import random
from collections.abc import Iterable

from codelewm_assets.published.evidence import EvidenceFile
from codelewm_assets.published.lineage import Lineage
from codelewm_assets.published.pools import problem_of
from codelewm_assets.published.records import Heldout

SEED, TRAIN_SHARE, VAL_SHARE = 42, 0.85, 0.05
WSD = "::wsd::"  # ids of the completions that v0.7 to v0.9 packs were made of


def split_by_rule(problems: Iterable[str]) -> dict[str, str]:
    """Problem → train, val or test: sorted ids shuffled with Python's generator, the first 85% train, the next 5% val."""
    names = sorted(set(problems))
    random.Random(SEED).shuffle(names)
    train, val = int(len(names) * TRAIN_SHARE), int(len(names) * VAL_SHARE)
    return {
        name: "train" if place < train else "val" if place < train + val else "test" for place, name in enumerate(names)
    }


def heldout_of(lineage: Lineage, file: EvidenceFile) -> Heldout:
    """Problems of published score rows that were trained on, by the best evidence that is here."""
    own = _problems(lineage, file)
    known = lineage.pack_splits
    if own <= known.keys():
        return _heldout("pack", "the pack's own records state the split", own, {p for p in own if known[p] != "train"})
    pack = lineage.pack_of(file)
    checkpoint = lineage.checkpoint_of(file)
    listed = None if pack is None else lineage.heldout_list(pack)
    together = {
        problem
        for other, _ in lineage.rows
        if other is file or (checkpoint is not None and lineage.checkpoint_of(other) == checkpoint)
        for problem in _problems(lineage, other)
    }
    by_rule = {problem for problem, split in split_by_rule(together).items() if split != "train"}
    if listed is not None:
        name, problems = listed
        if problems == by_rule:
            reason = (
                f"the published split rule on the {len(together)} problems that this checkpoint scored gives the {len(by_rule)} "
                f"held-out problems that {name} lists for pack {pack}"
            )
            return _heldout("confirmed", reason, own, by_rule)
        reason = (
            f"{name} lists the held-out problems of pack {pack}; the split rule needs all of its problems, so of the others "
            "nothing tells whether they are in its train part or not in the pack"
        )
        return Heldout(status="listed", reason=reason, heldout=sorted(own & problems))
    if any(WSD in row.completion_id for at, rows in lineage.rows if at is file for row in rows):
        reason = (
            f"no file here lists the pack's problems; by the published split rule if the pack was made of these {len(together)} "
            "problems and no others, as v0.9's was"
        )
        return _heldout("if_these_problems", reason, own, by_rule)
    return Heldout(status="unknown", reason="no file here says what the checkpoint was trained on")


def _problems(lineage: Lineage, file: EvidenceFile) -> set[str]:
    return {problem_of(row.problem_id) for at, rows in lineage.rows if at is file for row in rows}


def _heldout(status: str, reason: str, own: set[str], heldout: set[str]) -> Heldout:
    return Heldout.model_validate(
        {"status": status, "reason": reason, "trained": sorted(own - heldout), "heldout": sorted(own & heldout)}
    )
