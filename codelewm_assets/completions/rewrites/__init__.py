"""Rewrites that are meant to keep a program's meaning, in families. Running them says whether they did."""

from codelewm_assets.completions.rewrites import control, expressions, loops, names
from codelewm_assets.completions.syntax import Operator

REWRITES: dict[str, tuple[Operator, ...]] = {
    "rename": (names.rename_locals, names.shorten_locals, names.rename_one_local, names.argument_alias),
    "temporaries": (names.return_temporary, names.test_temporary, names.argument_temporary),
    "helper": (names.inner_helper, names.outer_helper),
    "control_form": (
        control.swap_branches, control.swap_ternary, control.ternary_to_if, control.returns_to_ternary, control.nest_and,
        control.drop_else_after_exit, control.add_else_after_exit, control.result_variable,
    ),
    "loop_form": (
        loops.for_range_to_while, loops.for_each_to_index, loops.comprehension_to_loop, loops.any_all_to_loop,
        loops.loop_to_comprehension, loops.while_true,
    ),
    "expression_form": (
        expressions.mirror_comparison, expressions.double_negation, expressions.expand_augmented,
        expressions.commute_number, expressions.split_chain, expressions.de_morgan, expressions.emptiness_test,
        expressions.literal_to_call,
    ),
}  # fmt: skip
"""Family → operators."""
