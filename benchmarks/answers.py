"""Right programs taken out of hard answers, by this project and by EvalPlus' sanitizer.

    python benchmarks/answers.py FOLDER --answers 400

FOLDER holds JSON lines with `task_id`, `benchmark` and `completion`, a whole program; rows with `in_evalplus` false are left
out. Programs that pass are drawn with a fixed seed and wrapped as models wrap theirs: prose, fences of every kind, reasoning,
drafts, end tokens. Each answer goes through `program_of` and through `evalplus.sanitize`, and what they give is run on the
benchmark's own inputs. Wants CODELEWM_HUMANEVAL_PLUS_FILE, CODELEWM_MBPP_PLUS_FILE and EvalPlus (benchmarks/README.md).
Rewrites its section of docs/completions.md.
"""

import argparse
import os
import random
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from real_programs import Sample, read_samples
from sections import PAGE, rewrite

from codelewm_assets.completions.label_file import RowLabeller, problems_of_source
from codelewm_assets.completions.label_rows import SampleRow
from codelewm_assets.completions.samples.answers import program_of
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.core.records import Problem
from codelewm_assets.sandbox.pool import SandboxPool

SEED = 20260607
DRAFT = "def {entry_point}(*args):\n    result = None  # TODO\n    return result\n"
PROSE = (
    "Let me explain how this works.",
    "The function takes its arguments and returns the expected result.",
    "Note that the empty case is handled first.",
    "I hope this helps!",
    "for each element we check the condition:",
    "if the list is empty, there is nothing to do.",
    "from there it is simple",
    "x = 1 means that the input is valid.",
    "Done",
)
Wrap = Callable[[str, Problem, random.Random], str]


def _fence(code: str, mark: str = "```", info: str = "python") -> str:
    return f"{mark}{info}\n{code.rstrip()}\n{mark}\n"


def _prose(draw: random.Random) -> str:
    return "\n\n".join(draw.sample(PROSE, 3))


def _draft(problem: Problem) -> str:
    return DRAFT.format(entry_point=problem.entry_point)


def _wrong(code: str) -> str:
    """The program with its last result forgotten."""
    head, found, tail = code.rpartition("return ")
    return head + found + "None" + tail[len(tail.split("\n", 1)[0]) :] if found else "pass"


def _with_checks(code: str, problem: Problem) -> str:
    return f"{code.rstrip()}\n\n# Check it\nvalue = input()\nassert {problem.entry_point}(value) == 'never'\n"


def _in_two_blocks(code: str, problem: Problem, draw: random.Random) -> str:
    lines = code.split("\n")
    start = next((n for n, line in enumerate(lines) if line.startswith(f"def {problem.entry_point}")), 0)
    first, last = "\n".join(lines[:start]), "\n".join(lines[start:])
    blocks = [_fence(first), "Now the function itself:\n"] if first.strip() else []
    return "First what it needs.\n" + "\n".join([*blocks, _fence(last)])


def _typed(code: str) -> str:
    lines = code.strip("\n").split("\n")
    return "\n".join(
        (">>> " if line[:1].strip() and not line.startswith((")", "]", "}")) else "... ") + line for line in lines
    )


WRAPS: dict[str, Wrap] = {
    "prose round a fence": lambda c, p, d: f"{_prose(d)}\n\n{_fence(c)}\n{_prose(d)}\n",
    "CRLF": lambda c, p, d: f"Here:\n{_fence(c)}\nDone.\n".replace("\n", "\r\n"),
    "four backticks": lambda c, p, d: f"Here:\n{_fence(c, '````')}\n{_prose(d)}",
    "tildes": lambda c, p, d: f"Here:\n{_fence(c, '~~~', 'py')}\n{_prose(d)}",
    "indented in a list": lambda c, p, d: "1. Write it:\n\n" + textwrap.indent(_fence(c), "   ") + "\n2. Run it.\n",
    "another language first": lambda c, p, d: f"{_fence('pip install numpy', info='bash')}\n{_fence(c)}",
    "draft, then final": lambda c, p, d: f"A first draft:\n{_fence(_draft(p))}\nThe final version:\n{_fence(c)}",
    "wrong draft, then final": lambda c, p, d: f"First:\n{_fence(_wrong(c))}\nThat forgets the result.\n{_fence(c)}{_prose(d)}",
    "quoted": lambda c, p, d: "They say:\n\n" + textwrap.indent(_fence(c), "> ", lambda line: True) + f"\n{_prose(d)}",
    "tags": lambda c, p, d: f"{_prose(d)}\n[PYTHON]\n{c.rstrip()}\n[/PYTHON]\n",
    "end token, then another program": lambda c, p, d: f"{c.rstrip()}\n<|endoftext|>\n{_wrong(c)}",
    "whole conversation": lambda c, p, d: f"<|im_start|>user\nWrite {p.entry_point}.<|im_end|>\n<|im_start|>assistant\n{_fence(c)}",
    "draft without a fence, then final": lambda c, p, d: f"{_draft(p)}\nThat is not right yet. Final:\n\n{_fence(c)}",
    "two blocks": _in_two_blocks,
    "reasoning with a draft": lambda c, p, d: f"<think>\nMaybe\n{_fence(_draft(p))}no.\n</think>\n{_prose(d)}\n{_fence(c)}",
    "reasoning that was opened in the prompt": lambda c, p, d: f"Try:\n{_draft(p)}\nNo.\n</think>\n\n{c}",
    "reasoning that is not closed": lambda c, p, d: f"<think>\n{_prose(d)}\n{_fence(c)}",
    "end token, then another turn": lambda c, p, d: f"{c.rstrip()}\n<|im_end|>\n<|im_start|>user\nThanks!\n",
    "end token in the last line": lambda c, p, d: f"{c.rstrip()}</s>",
    "prose without a fence": lambda c, p, d: f"{_prose(d)}\n\n{c.rstrip()}\n\n{_prose(d)}\n",
    "closing fence alone": lambda c, p, d: f"{c.rstrip()}\n```\n\n{_prose(d)}\n",
    "opening fence alone": lambda c, p, d: f"Here:\n```python\n{c}",
    "session of the interpreter": lambda c, p, d: f"In a session:\n\n{_typed(c)}\n>>> print({p.entry_point})\n<function>\n",
    "demonstration that fails": lambda c, p, d: f"Here:\n{_fence(_with_checks(c, p))}",
    "example block after it": lambda c, p, d: f"{_fence(c)}\nUse it so:\n{_fence('print(' + p.entry_point + '(*values))')}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class HardAnswer:
    """A right program in an answer of a kind."""

    kind: str
    sample: Sample
    text: str


def hard_answers(
    samples: list[Sample], problems: dict[str, Problem], count: int, labeller: RowLabeller
) -> list[HardAnswer]:
    """As many of each kind, of programs that pass as they are."""
    draw, answers = random.Random(SEED), list[HardAnswer]()
    waiting = iter(draw.sample(samples, len(samples)))
    kinds = list(WRAPS)
    while len(answers) < count:
        sample = next(waiting)
        problem = problems[sample.problem_id]
        if "```" in sample.code or "\r" in sample.code or not passes(sample.code, problem, labeller):
            continue
        kind = kinds[len(answers) % len(kinds)]
        answers.append(HardAnswer(kind, sample, WRAPS[kind](sample.code, problem, draw)))
    return answers


def passes(code: str, problem: Problem, labeller: RowLabeller) -> bool:
    """The program passes on the problem's inputs."""
    row = SampleRow(
        completion_id="a", problem_id=problem.problem_id, benchmark_id=problem.benchmark_id, code=code,
        entry_point=problem.entry_point, inputs=problem.inputs, atol=problem.atol, reference=problem.reference,
    )  # fmt: skip
    return bool(labeller(row)["passed"])


def main() -> None:
    """Measure and rewrite the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--answers", type=int, default=400)
    parser.add_argument("--show", type=int, default=0, help="print so many answers of which ours is not right")
    options = parser.parse_args()
    os.environ["HUMANEVAL_OVERRIDE_PATH"] = os.environ["CODELEWM_HUMANEVAL_PLUS_FILE"]
    os.environ["MBPP_OVERRIDE_PATH"] = os.environ["CODELEWM_MBPP_PLUS_FILE"]
    from evalplus.sanitize import sanitize

    right: dict[str, Counter[str]] = {"ours": Counter(), "EvalPlus": Counter(), "lost": Counter()}
    seconds, shown = Counter[str](), 0
    with SandboxPool(2) as pool:
        problems = {
            name: problem
            for benchmark in BENCHMARKS
            for name, problem in problems_of_source(benchmark, "base", pool, os.environ, Path("work/downloads")).items()
        }
        labeller = RowLabeller(pool, every_input=False)
        answers = hard_answers(read_samples(options.folder), problems, options.answers, labeller)
        for answer in answers:
            problem = problems[answer.sample.problem_id]
            began = time.perf_counter()
            ours = program_of(answer.text, prompt=problem.prompt, entry_point=problem.entry_point, form="auto").code
            middle = time.perf_counter()
            theirs = sanitize(answer.text, problem.entry_point)
            seconds.update({"ours": middle - began, "EvalPlus": time.perf_counter() - middle})  # type: ignore[dict-item]
            codes = {"ours": ours, "EvalPlus": theirs}
            is_right = {name: bool(code) and passes(code or "", problem, labeller) for name, code in codes.items()}
            right["lost"][answer.kind] += is_right["EvalPlus"] and not is_right["ours"]
            for name, value in is_right.items():
                right[name][answer.kind] += value
            if not is_right["ours"] and shown < options.show:
                shown += 1
                print(
                    f"=== {answer.kind} {answer.sample.problem_id}\n{answer.text}\n--- ours\n{ours}\n--- EvalPlus\n{theirs}"
                )
    totals = Counter(answer.kind for answer in answers)
    kinds = [*WRAPS, "all"]
    for counts in (totals, *right.values()):
        counts["all"] = sum(counts.values())
    lines = [
        f"Right programs taken out of {len(answers)} answers: programs of the shared files that pass, wrapped with a fixed seed as "
        "models wrap theirs, and run on the benchmark's own inputs. Lost are those that EvalPlus' sanitizer gets right and "
        "`program_of` does not.",
        "Reproduce: `python benchmarks/answers.py FOLDER`.", "",
        "| the program stands in | answers | right | EvalPlus 0.3.1 | lost |", "|---|---:|---:|---:|---:|",
        *(f"| {k} | {totals[k]} | {right['ours'][k]} | {right['EvalPlus'][k]} | {right['lost'][k]} |" for k in kinds if totals[k]),
        "", f"Seconds for all of them: {seconds['ours']:.1f}, EvalPlus {seconds['EvalPlus']:.1f}.",
    ]  # fmt: skip
    rewrite("answers", lines, PAGE.with_name("completions.md"))


if __name__ == "__main__":
    main()
