"""Rerank pools of programs that models wrote: of one problem, by different models, some passing and some failing."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.records import Completion, LabelledCompletion, PoolMember

MIN_MEMBERS = 3


def make_model_pools(
    labelled: Iterable[LabelledCompletion], *, pool_size: int, pools_per_problem: int
) -> list[PoolMember]:
    """Up to `pools_per_problem` disjoint pools for each problem, of up to `pool_size` members that pass and fail.

    Members of a pool are by different models; where a single model wrote all programs of a problem, they are its samples.
    Which programs are drawn depends on a hash, never on labels; pools of one class are no pools and are discarded.

    Args:
        labelled: completions of all kinds; those with a deterministic label that a model wrote are used.
        pool_size: maximum number of members of a pool, at least `MIN_MEMBERS`.
        pools_per_problem: maximum number of pools of a problem.
    """
    by_problem: dict[str, list[LabelledCompletion]] = defaultdict(list)
    for item in labelled:
        if item.completion.completion_kind == "model" and item.is_deterministic:
            by_problem[item.completion.problem_id].append(item)
    members = list[PoolMember]()
    for problem_id, items in sorted(by_problem.items()):
        drawn = sorted(items, key=lambda item: unit_interval("model pool", item.completion.completion_id))
        pools = [pool for pool in _by_different_models(drawn, pool_size) if len({item.passed for item in pool}) == 2]
        for number, pool in enumerate(pools[:pools_per_problem]):
            for item in sorted(pool, key=lambda item: item.completion.completion_id):
                members.append(PoolMember.of(f"{problem_id}::model{number}", item, kind="model"))
    return members


def model_of(completion: Completion) -> str:
    """The model that wrote a completion; all completions of a source that names no model count as one model's."""
    return completion.llm or f"not named, {completion.source or 'imported'}"


GENERIC_WORDS = frozenset({"instruct", "open", "the", "final", "custom"})


def model_family(name: str) -> str:
    """The family of a model's published name: its sizes, runs, strategies and prompt forms are one family.

    The first word of letters after an organisation, in lower case; every name with `gpt` in that word is of one family.
    """
    parts = re.split(r"[/_]", name.lower())
    own = parts[1] if len(parts) > 1 and "-" in parts[1] else parts[0]
    words = [word for word in re.findall(r"[a-z]+", own) if word not in GENERIC_WORDS]
    first = words[0] if words else own
    return "gpt" if "gpt" in first else first


def _by_different_models(items: Sequence[LabelledCompletion], size: int) -> list[list[LabelledCompletion]]:
    """The items in groups of `MIN_MEMBERS` to `size`; each goes into the first group that has room and lacks its model."""
    is_one_model = len({model_of(item.completion) for item in items}) == 1
    groups = list[dict[str, LabelledCompletion]]()
    for item in items:
        key = item.completion.completion_id if is_one_model else model_of(item.completion)
        group = next((group for group in groups if len(group) < size and key not in group), None)
        if group is None:
            groups.append(group := {})
        group[key] = item
    return [list(group.values()) for group in groups if len(group) >= MIN_MEMBERS]
