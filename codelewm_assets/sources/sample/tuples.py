"""Problems answered with a tuple: several results that belong together.

What belongs here: problem data of this theme. What does not: code, and problems taken from a data set.
"""

from codelewm_assets.sources.sample.schema import StandInProblem

PROBLEMS: tuple[StandInProblem, ...] = (
    StandInProblem(
        task_id="StandIn/107",
        entry_point="extremes_with_places",
        prompt='''"""
Write a function to return (smallest value, its first index, largest value, its last index) of a list, and an
empty tuple for an empty list.
assert extremes_with_places([4, 1, 9, 1, 9]) == (1, 1, 9, 4)
"""
''',
        canonical_solution="""\
def extremes_with_places(values):
    if not values:
        return ()
    low_place = 0
    high_place = 0
    for place, value in enumerate(values):
        if value < values[low_place]:
            low_place = place
        if value >= values[high_place]:
            high_place = place
    return (values[low_place], low_place, values[high_place], high_place)
""",
        inputs=(
            "[[4, 1, 9, 1, 9]]",
            "[[]]",
            "[[7]]",
            "[[3, 3, 3]]",
            "[[5, 4, 3]]",
            "[[-1, -8, 0, -8]]",
            "[[0, 10, 5, 10, 2]]",
            "[[1, 2, 3, 4, 5]]",
            "[[2, -2, 2, -2]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/108",
        entry_point="robot_pose",
        prompt='''"""
Write a function to follow the commands of a robot that starts at (0, 0) and looks north: "L" and "R" turn it
by a quarter, "F" moves it one forward and "B" one back. Return (x, y, heading) with the heading as one of
"N", "E", "S", "W"; other commands do nothing.
assert robot_pose("FFRF") == (1, 2, "E")
"""
''',
        canonical_solution="""\
def robot_pose(commands):
    headings = "NESW"
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    x, y, turn = 0, 0, 0
    for command in commands:
        if command == "L":
            turn = (turn - 1) % 4
        elif command == "R":
            turn = (turn + 1) % 4
        elif command == "F":
            x += steps[turn][0]
            y += steps[turn][1]
        elif command == "B":
            x -= steps[turn][0]
            y -= steps[turn][1]
    return (x, y, headings[turn])
""",
        inputs=(
            "['FFRF']",
            "['']",
            "['L']",
            "['RRF']",
            "['BBLF']",
            "['F?F!']",
            "['LFLFLFLF']",
            "['RBBLBR']",
            "['FRFRFFFLBL']",
            "['RRRRFF']",
            "['RRRF']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/109",
        entry_point="lowest_terms",
        prompt='''"""
Write a function to add two fractions given as (numerator, denominator) and to return the sum in lowest terms
with a denominator above zero.
assert lowest_terms((1, 2), (1, 6)) == (2, 3)
"""
''',
        canonical_solution="""\
import math


def lowest_terms(first, second):
    numerator = first[0] * second[1] + second[0] * first[1]
    denominator = first[1] * second[1]
    if denominator < 0:
        numerator = -numerator
        denominator = -denominator
    shared = math.gcd(numerator, denominator)
    return (numerator // shared, denominator // shared)
""",
        inputs=(
            "[(1, 2), (1, 6)]",
            "[(0, 5), (0, 9)]",
            "[(3, 4), (-3, 4)]",
            "[(2, -3), (1, 5)]",
            "[(7, 1), (5, 1)]",
            "[(-1, -2), (1, -3)]",
            "[(10, 4), (9, 6)]",
            "[(1, 100), (3, 50)]",
            "[(5, 7), (0, 3)]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/110",
        entry_point="best_window",
        prompt='''"""
Write a function to find the window of the given size with the largest sum in a list, as (start index, sum);
the first of equal ones is taken. When the list is shorter than the window the answer is (-1, 0).
assert best_window([2, 9, 1, 8], 2) == (0, 11)
"""
''',
        canonical_solution="""\
def best_window(values, size):
    if len(values) < size:
        return (-1, 0)
    current = sum(values[:size])
    best_start = 0
    best_sum = current
    for start in range(1, len(values) - size + 1):
        current += values[start + size - 1] - values[start - 1]
        if current > best_sum:
            best_start = start
            best_sum = current
    return (best_start, best_sum)
""",
        inputs=(
            "[[2, 9, 1, 8], 2]",
            "[[], 1]",
            "[[5], 1]",
            "[[5, 6], 3]",
            "[[1, 1, 1, 1], 2]",
            "[[-5, -2, -9, -1], 2]",
            "[[3, 0, 4, 8, 1], 3]",
            "[[10, -20, 30, 40], 4]",
            "[[0, 7, -7, 7], 1]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/111",
        entry_point="change_count",
        prompt='''"""
Write a function to count the rises, falls and standstills between neighbouring values of a list, as a tuple
(rises, falls, standstills).
assert change_count([1, 3, 3, 2, 5]) == (2, 1, 1)
"""
''',
        canonical_solution="""\
def change_count(values):
    rises = 0
    falls = 0
    standstills = 0
    for index in range(1, len(values)):
        if values[index] > values[index - 1]:
            rises += 1
        elif values[index] < values[index - 1]:
            falls += 1
        else:
            standstills += 1
    return (rises, falls, standstills)
""",
        inputs=(
            "[[1, 3, 3, 2, 5]]",
            "[[]]",
            "[[4]]",
            "[[6, 6, 6]]",
            "[[9, 5, 1, 0]]",
            "[[0, 1, 0, 1, 0, 1]]",
            "[[-3, -2, -2, -1]]",
            "[[100, 50, 50, 50, 75]]",
            "[[2, 1]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/112",
        entry_point="date_after",
        prompt='''"""
Write a function to add a number of days, which may be negative, to a date (year, month, day) of a calendar
in which each of the 12 months has 30 days, and to return the new date as a tuple.
assert date_after((2020, 12, 29), 3) == (2021, 1, 2)
"""
''',
        canonical_solution="""\
def date_after(date, days):
    year, month, day = date
    total = (year * 12 + (month - 1)) * 30 + (day - 1) + days
    new_day = total % 30 + 1
    months = total // 30
    new_month = months % 12 + 1
    new_year = months // 12
    return (new_year, new_month, new_day)
""",
        inputs=(
            "[(2020, 12, 29), 3]",
            "[(1, 1, 1), 0]",
            "[(2000, 1, 1), -1]",
            "[(1999, 6, 30), 1]",
            "[(1999, 6, 30), 360]",
            "[(5, 3, 10), -100]",
            "[(2021, 12, 1), 29]",
            "[(2021, 12, 1), 30]",
            "[(10, 10, 10), 1000]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/113",
        entry_point="partition_sums",
        prompt='''"""
Write a function to split a list of numbers at the index where the sums of the left and the right part differ
least, the first such index counting, and to return (index, left sum, right sum). The index may be 0 or the
length of the list.
assert partition_sums([1, 2, 3, 4]) == (3, 6, 4)
"""
''',
        canonical_solution="""\
def partition_sums(numbers):
    left = 0
    right = sum(numbers)
    best = (0, left, right)
    for index, number in enumerate(numbers):
        left += number
        right -= number
        if abs(left - right) < abs(best[1] - best[2]):
            best = (index + 1, left, right)
    return best
""",
        inputs=(
            "[[1, 2, 3, 4]]",
            "[[]]",
            "[[9]]",
            "[[5, 5]]",
            "[[10, 1, 1, 1]]",
            "[[0, 0, 7]]",
            "[[-4, 6, -2, 8]]",
            "[[3, 1, 1, 3]]",
            "[[2, 100, 3]]",
            "[[4, -4, 4, -4]]",
            "[[6, 2, 5, 1, 9, 4]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/114",
        entry_point="vote_outcome",
        prompt='''"""
Write a function to count the ballots of an election and return (winner, votes, whether it is an absolute
majority). Of equally strong candidates the one first in the alphabet wins; empty ballots count for nobody
but do count among all ballots. Without votes the winner is "".
assert vote_outcome(["x", "y", "x"]) == ("x", 2, True)
"""
''',
        canonical_solution="""\
def vote_outcome(ballots):
    counts = {}
    for name in ballots:
        if name != "":
            counts[name] = counts.get(name, 0) + 1
    winner = ""
    votes = 0
    for name in sorted(counts):
        if counts[name] > votes:
            winner = name
            votes = counts[name]
    majority = votes * 2 > len(ballots)
    return (winner, votes, majority)
""",
        inputs=(
            "[['x', 'y', 'x']]",
            "[[]]",
            "[['', '']]",
            "[['b', 'a']]",
            "[['c', 'c', '', '']]",
            "[['c', 'c', 'c', '', '']]",
            "[['kim', 'lee', 'lee', 'kim', 'max']]",
            "[['Z']]",
            "[['q', 'p', 'q', 'p', 'q', 'r']]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/115",
        entry_point="queue_times",
        prompt='''"""
Write a function to simulate one counter serving customers (arrival, service time) in the given order of
arrival, and to return (total waiting time, idle time of the counter before the last customer, end time).
The counter opens at time 0.
assert queue_times([(2, 5), (4, 1)]) == (3, 2, 8)
"""
''',
        canonical_solution="""\
def queue_times(customers):
    waiting = 0
    idle = 0
    clock = 0
    for arrival, service in customers:
        if arrival > clock:
            idle += arrival - clock
            clock = arrival
        else:
            waiting += clock - arrival
        clock += service
    return (waiting, idle, clock)
""",
        inputs=(
            "[[(2, 5), (4, 1)]]",
            "[[]]",
            "[[(0, 3)]]",
            "[[(0, 4), (0, 4), (0, 4)]]",
            "[[(5, 1), (10, 2)]]",
            "[[(1, 2), (3, 3), (4, 10), (30, 1)]]",
            "[[(7, 0), (7, 2)]]",
            "[[(0, 10), (1, 1), (2, 1)]]",
            "[[(3, 100), (50, 20), (200, 5)]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/116",
        entry_point="common_ends",
        prompt='''"""
Write a function to find how many characters two texts share at their start and, in what is left of them, at
their end, and to return these two counts and the middle of the first text that is left.
assert common_ends("walked", "wanted") == (2, 2, "lk")
"""
''',
        canonical_solution="""\
def common_ends(first, second):
    shortest = min(len(first), len(second))
    front = 0
    while front < shortest and first[front] == second[front]:
        front += 1
    back = 0
    while back < shortest - front and first[-1 - back] == second[-1 - back]:
        back += 1
    middle = first[front : len(first) - back]
    return (front, back, middle)
""",
        inputs=(
            "['walked', 'wanted']",
            "['', '']",
            "['same', 'same']",
            "['abc', 'xyz']",
            "['aaaa', 'aa']",
            "['aa', 'aaaa']",
            "['prefix', 'pre']",
            "['undo', 'redo']",
            "['banana', 'bandana']",
            "['x-1-y', 'x-22-y']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/117",
        entry_point="three_way_split",
        prompt='''"""
Write a function to split numbers around a pivot into a tuple of three sorted tuples: those more than margin
below it, those at most margin away from it, and those more than margin above it.
assert three_way_split([5, 1, 9, 6], 5, 1) == ((1,), (5, 6), (9,))
"""
''',
        canonical_solution="""\
def three_way_split(numbers, pivot, margin):
    below = []
    near = []
    above = []
    for number in sorted(numbers):
        if number < pivot - margin:
            below.append(number)
        elif number > pivot + margin:
            above.append(number)
        else:
            near.append(number)
    return (tuple(below), tuple(near), tuple(above))
""",
        inputs=(
            "[[5, 1, 9, 6], 5, 1]",
            "[[], 3, 2]",
            "[[3, 3], 3, 0]",
            "[[4, 2], 3, 0]",
            "[[8, 2, 5, 11, -1], 5, 3]",
            "[[-10, 10, 0], 0, 9]",
            "[[-10, 10, 0], 0, 10]",
            "[[100, 40, 60, 50, 50], 50, 10]",
            "[[1, 2, 3, 4, 5, 6], 10, 4]",
        ),
    ),
)
