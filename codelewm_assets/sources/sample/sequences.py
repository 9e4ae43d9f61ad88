"""Problems answered with a list: rearranging, cutting, stepping and collecting.

What belongs here: problem data of this theme. What does not: code, and problems taken from a data set.
"""

from codelewm_assets.sources.sample.schema import StandInProblem

PROBLEMS: tuple[StandInProblem, ...] = (
    StandInProblem(
        task_id="StandIn/80",
        entry_point="drift_apart",
        prompt='''"""
Write a function to list the differences between each value of a list and the running maximum of the values
before it; the first value is compared with itself.
assert drift_apart([3, 5, 4, 9]) == [0, 2, -1, 4]
"""
''',
        canonical_solution="""\
def drift_apart(values):
    differences = []
    highest = None
    for value in values:
        if highest is None:
            highest = value
        differences.append(value - highest)
        if value > highest:
            highest = value
    return differences
""",
        inputs=(
            "[[3, 5, 4, 9]]",
            "[[]]",
            "[[7]]",
            "[[-4, -6, -1]]",
            "[[2, 2, 3, 2]]",
            "[[10, 8, 6, 12]]",
            "[[0, 100, 50, 101]]",
            "[[1, 2, 3, 4]]",
            "[[0, -1, 0, 1]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/81",
        entry_point="deal_hands",
        prompt='''"""
Write a function to deal a deck of cards to a number of players in turns, one card at a time, and to return
the list of hands. Cards that do not make a full round are not dealt.
assert deal_hands([1, 2, 3, 4, 5], 2) == [[1, 3], [2, 4]]
"""
''',
        canonical_solution="""\
def deal_hands(deck, players):
    hands = [[] for _ in range(players)]
    rounds = len(deck) // players
    for turn in range(rounds * players):
        hands[turn % players].append(deck[turn])
    return hands
""",
        inputs=(
            "[[1, 2, 3, 4, 5], 2]",
            "[[], 3]",
            "[['a', 'b'], 3]",
            "[['a', 'b', 'c'], 3]",
            "[[9, 8, 7], 1]",
            "[[1, 2, 3, 4, 5, 6, 7, 8], 4]",
            "[[5, 5, 6, 6, 7, 7, 8], 3]",
            "[['K'], 1]",
            "[[0, -1, -2, -3], 2]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/82",
        entry_point="cell_generations",
        prompt='''"""
Write a function to step a row of 0 and 1 cells a number of times. In a step a cell becomes 1 exactly when
one, but not both, of its two neighbours is 1; outside the row all is 0.
assert cell_generations([0, 1, 0, 0], 1) == [1, 0, 1, 0]
"""
''',
        canonical_solution="""\
def cell_generations(cells, steps):
    current = list(cells)
    for _ in range(steps):
        following = []
        for index in range(len(current)):
            left = current[index - 1] if index > 0 else 0
            right = current[index + 1] if index + 1 < len(current) else 0
            if left + right == 1:
                following.append(1)
            else:
                following.append(0)
        current = following
    return current
""",
        inputs=(
            "[[0, 1, 0, 0], 1]",
            "[[], 4]",
            "[[1], 1]",
            "[[1, 1], 3]",
            "[[1, 0, 1], 0]",
            "[[1, 0, 1], 1]",
            "[[0, 0, 1, 0, 0], 2]",
            "[[1, 1, 0, 1, 0, 0, 1], 3]",
            "[[0, 0, 0, 1, 0, 0, 0], 5]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/83",
        entry_point="merge_bookings",
        prompt='''"""
Write a function to merge bookings [start, end] that overlap or lie at most gap apart into longer ones, and
to return them in order of their start.
assert merge_bookings([[5, 8], [1, 3], [4, 5]], 0) == [[1, 3], [4, 8]]
"""
''',
        canonical_solution="""\
def merge_bookings(bookings, gap):
    merged = []
    for start, end in sorted(bookings):
        if merged and start - merged[-1][1] <= gap:
            if end > merged[-1][1]:
                merged[-1][1] = end
        else:
            merged.append([start, end])
    return merged
""",
        inputs=(
            "[[[5, 8], [1, 3], [4, 5]], 0]",
            "[[], 2]",
            "[[[5, 8], [1, 3], [4, 5]], 1]",
            "[[[2, 9], [3, 4]], 0]",
            "[[[1, 2], [5, 6], [9, 10]], 3]",
            "[[[1, 2], [5, 6], [9, 10]], 2]",
            "[[[7, 7]], 0]",
            "[[[0, 4], [0, 2], [4, 4]], 0]",
            "[[[-9, -7], [-3, 0], [-6, -5]], 1]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/84",
        entry_point="stable_ranks",
        prompt='''"""
Write a function to give each score of a list its rank, 1 for the highest. Equal scores share a rank and the
next lower score has the rank that follows at once, without a gap.
assert stable_ranks([50, 80, 50, 10]) == [2, 1, 2, 3]
"""
''',
        canonical_solution="""\
def stable_ranks(scores):
    rank_of = {}
    rank = 0
    previous = None
    for score in sorted(scores, reverse=True):
        if previous is None or score < previous:
            rank += 1
            rank_of[score] = rank
        previous = score
    return [rank_of[score] for score in scores]
""",
        inputs=(
            "[[50, 80, 50, 10]]",
            "[[]]",
            "[[3]]",
            "[[5, 5, 5]]",
            "[[1, 2, 3, 4]]",
            "[[-2, 0, -7, 0]]",
            "[[9, 1, 8, 1, 9]]",
            "[[100, 99, 101]]",
            "[[0, 0, 1, -1, 1]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/85",
        entry_point="queue_order",
        prompt='''"""
Write a function to serve a queue of (name, jobs) customers: the first in line gets one job done and, when
jobs remain, goes to the back. Return the names in the order in which they leave; a customer without jobs
leaves when first at the front.
assert queue_order([("a", 2), ("b", 1)]) == ["b", "a"]
"""
''',
        canonical_solution="""\
def queue_order(customers):
    waiting = list(customers)
    left = []
    while waiting:
        name, jobs = waiting.pop(0)
        if jobs <= 1:
            left.append(name)
        else:
            waiting.append((name, jobs - 1))
    return left
""",
        inputs=(
            "[[('a', 2), ('b', 1)]]",
            "[[]]",
            "[[('a', 0)]]",
            "[[('a', 3), ('b', 2), ('c', 1)]]",
            "[[('a', 1), ('b', 0), ('c', 2)]]",
            "[[('x', 2), ('y', 2), ('z', 2)]]",
            "[[('p', 4), ('q', 1), ('r', 4), ('s', 2)]]",
            "[[('m', 5), ('n', 4)]]",
            "[[('u', 2), ('v', 3), ('u', 1)]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/86",
        entry_point="rotate_ring",
        prompt='''"""
Write a function to turn the numbers of a list one place to the right, the last going to the front, as often
as the list's first number at that moment says, for a given number of rounds. Negative numbers turn it left.
assert rotate_ring([1, 2, 3], 2) == [3, 1, 2]
"""
''',
        canonical_solution="""\
def rotate_ring(numbers, rounds):
    ring = list(numbers)
    if not ring:
        return ring
    for _ in range(rounds):
        turn = ring[0] % len(ring)
        if turn > 0:
            ring = ring[-turn:] + ring[:-turn]
    return ring
""",
        inputs=(
            "[[1, 2, 3], 2]",
            "[[], 3]",
            "[[5], 2]",
            "[[1, 2, 3], 0]",
            "[[1, 2, 3, 4], 1]",
            "[[2, 0, 1, 4], 2]",
            "[[-1, 5, 6, 7], 1]",
            "[[3, -2, 8, 1, 4], 3]",
            "[[0, 9, 9, 1], 4]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/87",
        entry_point="gap_fillers",
        prompt='''"""
Write a function to list the whole numbers that are missing between the smallest and the largest number of a
list, in descending order.
assert gap_fillers([4, 1, 6]) == [5, 3, 2]
"""
''',
        canonical_solution="""\
def gap_fillers(numbers):
    missing = []
    if not numbers:
        return missing
    present = set(numbers)
    candidate = max(numbers) - 1
    while candidate > min(numbers):
        if candidate not in present:
            missing.append(candidate)
        candidate -= 1
    return missing
""",
        inputs=(
            "[[4, 1, 6]]",
            "[[]]",
            "[[3]]",
            "[[2, 3, 4]]",
            "[[-2, 2]]",
            "[[10, 5, 10, 7]]",
            "[[0, 4, 4]]",
            "[[100, 103, 98]]",
            "[[-5, -9, -7, -4]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/88",
        entry_point="signal_edges",
        prompt='''"""
Write a function to find where a list of readings crosses a threshold: the indexes at which a reading is at
or above the threshold while the one before was below it, or the other way round. A crossing downwards is
listed as the index with a minus sign.
assert signal_edges([1, 5, 6, 2], 5) == [1, -3]
"""
''',
        canonical_solution="""\
def signal_edges(readings, threshold):
    edges = []
    for index in range(1, len(readings)):
        was_high = readings[index - 1] >= threshold
        is_high = readings[index] >= threshold
        if is_high and not was_high:
            edges.append(index)
        elif was_high and not is_high:
            edges.append(-index)
    return edges
""",
        inputs=(
            "[[1, 5, 6, 2], 5]",
            "[[], 1]",
            "[[4], 4]",
            "[[4, 3, 4, 3], 4]",
            "[[1, 2, 3], 9]",
            "[[0, 10, 0, 10, 10, 0], 7]",
            "[[5, 5, 5], 5]",
            "[[-1, 0, 1, 0, -1], 0]",
            "[[8, 7, 6, 5, 6, 7], 6]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/89",
        entry_point="snake_rows",
        prompt='''"""
Write a function to cut a list into rows of the given width and to reverse every second row, beginning with
the second; the last row may be shorter.
assert snake_rows([1, 2, 3, 4, 5], 2) == [[1, 2], [4, 3], [5]]
"""
''',
        canonical_solution="""\
def snake_rows(values, width):
    rows = []
    for start in range(0, len(values), width):
        row = values[start : start + width]
        if len(rows) % 2 == 1:
            row = row[::-1]
        rows.append(row)
    return rows
""",
        inputs=(
            "[[1, 2, 3, 4, 5], 2]",
            "[[], 3]",
            "[[7], 4]",
            "[[1, 2, 3, 4, 5, 6], 3]",
            "[[1, 2, 3, 4], 1]",
            "[['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'], 3]",
            "[[0, 0, 1, 1, 2, 2], 2]",
            "[[9, 8, 7], 3]",
            "[[5, 4, 3, 2, 1, 0, -1], 5]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/90",
        entry_point="leap_years_between",
        prompt='''"""
Write a function to list the leap years from a first to a last year, both included: years that 4 divides,
except full centuries that 400 does not divide.
assert leap_years_between(1896, 1905) == [1896, 1904]
"""
''',
        canonical_solution="""\
def leap_years_between(first, last):
    years = []
    for year in range(first, last + 1):
        if year % 400 == 0:
            years.append(year)
        elif year % 100 == 0:
            continue
        elif year % 4 == 0:
            years.append(year)
    return years
""",
        inputs=(
            "[1896, 1905]",
            "[2000, 2000]",
            "[1900, 1900]",
            "[2005, 2001]",
            "[1995, 2009]",
            "[2096, 2104]",
            "[0, 8]",
            "[1600, 1612]",
            "[2023, 2024]",
            "[397, 405]",
            "[2021, 2023]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/91",
        entry_point="factor_ladder",
        prompt='''"""
Write a function to list the prime factors of a whole number in ascending order, with every repeated factor
given as its power instead of one by one: 12 gives 4 and 3. Numbers below 2 give an empty list.
assert factor_ladder(12) == [4, 3]
"""
''',
        canonical_solution="""\
def factor_ladder(number):
    powers = []
    rest = number
    divisor = 2
    while divisor * divisor <= rest:
        power = 1
        while rest % divisor == 0:
            power *= divisor
            rest //= divisor
        if power > 1:
            powers.append(power)
        divisor += 1
    if rest > 1:
        powers.append(rest)
    return powers
""",
        inputs=(
            "[12]",
            "[1]",
            "[0]",
            "[-8]",
            "[2]",
            "[9]",
            "[97]",
            "[360]",
            "[1001]",
            "[1024]",
            "[50]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/92",
        entry_point="tag_lines",
        prompt='''"""
Write a function to number the lines of a text: every line that is not blank becomes "n: line" with n counting
from 1 and the line stripped of spaces at its ends; a line that begins with "#" starts the count again and is
not listed. Lines are separated by "|".
assert tag_lines("go| stop |#|wait") == ["1: go", "2: stop", "1: wait"]
"""
''',
        canonical_solution="""\
def tag_lines(text):
    tagged = []
    count = 0
    for line in text.split("|"):
        line = line.strip()
        if not line:
            continue
        if line.startswith("#"):
            count = 0
            continue
        count += 1
        tagged.append(f"{count}: {line}")
    return tagged
""",
        inputs=(
            "['go| stop |#|wait']",
            "['']",
            "['one']",
            "['#x|#y']",
            "[' a | | b ']",
            "['a|#b|c|d|# e|f']",
            "['x#|y']",
            "['||']",
            "['p|q|r|#|s|t']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/93",
        entry_point="reachable_rooms",
        prompt='''"""
Write a function to list, in ascending order, the rooms that can be reached from a start room through one-way
doors given as pairs (from, to). The start room itself is listed too.
assert reachable_rooms([(1, 2), (2, 3), (4, 1)], 1) == [1, 2, 3]
"""
''',
        canonical_solution="""\
def reachable_rooms(doors, start):
    seen = [start]
    waiting = [start]
    while waiting:
        room = waiting.pop()
        for source, target in doors:
            if source == room and target not in seen:
                seen.append(target)
                waiting.append(target)
    return sorted(seen)
""",
        inputs=(
            "[[(1, 2), (2, 3), (4, 1)], 1]",
            "[[], 7]",
            "[[(1, 2), (2, 3), (4, 1)], 3]",
            "[[(1, 2), (2, 1)], 2]",
            "[[(5, 5), (5, 0), (0, 9), (8, 5)], 5]",
            "[[(3, 1), (3, 2), (2, 6), (6, 4), (7, 8)], 3]",
            "[[(10, 20), (30, 40)], 10]",
            "[[(1, 2), (1, 3), (3, 5), (2, 4), (4, 1)], 4]",
            "[[(-1, 0), (0, 1), (1, -1)], 0]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/94",
        entry_point="pour_levels",
        prompt='''"""
Write a function to pour an amount of water into a line of jugs with the given capacities: each is filled as
far as possible before the next. Return the filling of every jug, with what did not fit as one last number.
assert pour_levels([3, 5, 2], 6) == [3, 3, 0, 0]
"""
''',
        canonical_solution="""\
def pour_levels(capacities, amount):
    levels = []
    rest = amount
    for capacity in capacities:
        if rest >= capacity:
            filled = capacity
        else:
            filled = rest
        levels.append(filled)
        rest -= filled
    levels.append(rest)
    return levels
""",
        inputs=(
            "[[3, 5, 2], 6]",
            "[[], 4]",
            "[[4], 0]",
            "[[4], 9]",
            "[[1, 1, 1], 3]",
            "[[10, 0, 20], 25]",
            "[[7, 7], 14]",
            "[[2, 9, 4, 1], 12]",
            "[[100, 50], 151]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/95",
        entry_point="interleave_until",
        prompt='''"""
Write a function to take turns taking a value from a first and from a second list until either has none left
to take or a value equal to stop comes up, which is not taken.
assert interleave_until([1, 2, 3], [7, 8, 9], 3) == [1, 7, 2, 8]
"""
''',
        canonical_solution="""\
def interleave_until(first, second, stop):
    taken = []
    index = 0
    while True:
        source = first if index % 2 == 0 else second
        place = index // 2
        if place >= len(source) or source[place] == stop:
            break
        taken.append(source[place])
        index += 1
    return taken
""",
        inputs=(
            "[[1, 2, 3], [7, 8, 9], 3]",
            "[[], [1], 0]",
            "[[4], [], 9]",
            "[[1, 1, 1], [1, 1], 0]",
            "[[5, 6], [6, 7], 6]",
            "[[1, 2, 3, 4], [0, 0], 5]",
            "[[9, 8], [3, 2, 1], 2]",
            "[[2, 4, 6], [1, 3, 5, 7], 10]",
            "[[0], [0], 0]",
        ),
    ),
)
