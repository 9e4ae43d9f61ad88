"""Problems answered with True or False.

What belongs here: problem data of this theme. What does not: code, and problems taken from a data set.
"""

from codelewm_assets.sources.sample.schema import StandInProblem

PROBLEMS: tuple[StandInProblem, ...] = (
    StandInProblem(
        task_id="StandIn/118",
        entry_point="is_mountain",
        prompt='''"""
Write a function to tell whether a list first only rises and then only falls, each part having at least one
step.
assert is_mountain([1, 4, 2]) == True
"""
''',
        canonical_solution="""\
def is_mountain(heights):
    rises = 0
    falls = 0
    for index in range(1, len(heights)):
        if heights[index] > heights[index - 1]:
            if falls > 0:
                return False
            rises += 1
        elif heights[index] < heights[index - 1]:
            falls += 1
        else:
            return False
    return rises > 0 and falls > 0
""",
        inputs=(
            "[[1, 4, 2]]",
            "[[]]",
            "[[5]]",
            "[[1, 2, 3]]",
            "[[3, 2, 1]]",
            "[[0, 5, 9, 8, -2]]",
            "[[1, 3, 3, 2]]",
            "[[1, 3, 2, 4]]",
            "[[-5, -1, -9]]",
            "[[2, 6, 5, 4, 3]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/119",
        entry_point="can_ship",
        prompt='''"""
Write a function to tell whether parcels of the given weights, in order, fit into at most the given number of
trucks of equal capacity. A truck is left for good once the next parcel does not fit; no parcel may be heavier
than a truck's capacity.
assert can_ship([4, 4, 4], 8, 2) == True
"""
''',
        canonical_solution="""\
def can_ship(weights, capacity, trucks):
    used = 1
    load = 0
    for weight in weights:
        if weight > capacity:
            return False
        if load + weight > capacity:
            used += 1
            load = 0
        load += weight
    return used <= trucks
""",
        inputs=(
            "[[4, 4, 4], 8, 2]",
            "[[], 5, 1]",
            "[[], 5, 0]",
            "[[9], 8, 3]",
            "[[8], 8, 1]",
            "[[5, 4, 5], 9, 2]",
            "[[5, 5, 5], 9, 2]",
            "[[1, 2, 3, 4, 5], 5, 3]",
            "[[1, 2, 3, 4, 5], 5, 4]",
            "[[3, 6, 3], 9, 1]",
            "[[5, 5, 4], 9, 2]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/120",
        entry_point="brackets_nested",
        prompt='''"""
Write a function to tell whether the brackets (), [] and {} of a text are closed in the right order and never
stand deeper than the given depth. Other characters do not matter.
assert brackets_nested("a[(b)]", 2) == True
"""
''',
        canonical_solution="""\
def brackets_nested(text, depth):
    partner = {")": "(", "]": "[", "}": "{"}
    opened = []
    for symbol in text:
        if symbol in "([{":
            opened.append(symbol)
            if len(opened) > depth:
                return False
        elif symbol in partner:
            if not opened or opened.pop() != partner[symbol]:
                return False
    return len(opened) == 0
""",
        inputs=(
            "['a[(b)]', 2]",
            "['', 0]",
            "['a[(b)]', 1]",
            "['()', 0]",
            "['([)]', 5]",
            "['(((', 3]",
            "['}{', 2]",
            "['{x}[y](z)', 1]",
            "['((()))', 3]",
            "['[]]', 2]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/121",
        entry_point="valid_ticket",
        prompt='''"""
Write a function to tell whether a ticket code is valid: two capital letters, a dash, then only digits, at
least three of them, the last of which is the last digit of the sum of the others.
assert valid_ticket("AB-123") == True
"""
''',
        canonical_solution="""\
def valid_ticket(code):
    if len(code) < 6 or code[2] != "-":
        return False
    for letter in code[:2]:
        if not "A" <= letter <= "Z":
            return False
    total = 0
    for symbol in code[3:]:
        if not "0" <= symbol <= "9":
            return False
        total += int(symbol)
    last = int(code[-1])
    return (total - last) % 10 == last
""",
        inputs=(
            "['AB-123']",
            "['']",
            "['AB-11']",
            "['aB-112']",
            "['ZA-000']",
            "['QX-9817']",
            "['QX-9818']",
            "['AB_123']",
            "['AB-1x1']",
            "['MN-5500']",
            "['A1-123']",
            "['HZ-99996']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/122",
        entry_point="queens_at_peace",
        prompt='''"""
Write a function to tell whether no two of the queens on a chess board, given as (column, row), stand in one
column, one row or one diagonal.
assert queens_at_peace([(0, 0), (1, 2)]) == True
"""
''',
        canonical_solution="""\
def queens_at_peace(queens):
    for index, (column, row) in enumerate(queens):
        for other_column, other_row in queens[index + 1 :]:
            across = abs(column - other_column)
            along = abs(row - other_row)
            if across == 0 or along == 0 or across == along:
                return False
    return True
""",
        inputs=(
            "[[(0, 0), (1, 2)]]",
            "[[]]",
            "[[(3, 3)]]",
            "[[(0, 1), (0, 5)]]",
            "[[(2, 4), (6, 4)]]",
            "[[(1, 6), (4, 3)]]",
            "[[(0, 1), (1, 3), (2, 0), (3, 2)]]",
            "[[(0, 0), (2, 1), (4, 2), (1, 4)]]",
            "[[(0, 0), (2, 1), (4, 3), (5, 0)]]",
            "[[(7, 0), (0, 7)]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/123",
        entry_point="is_harshad_chain",
        prompt='''"""
Write a function to tell whether a positive whole number is divisible by the sum of its digits and stays so
while its last digit is taken off again and again, down to one digit.
assert is_harshad_chain(201) == True
"""
''',
        canonical_solution="""\
def is_harshad_chain(number):
    rest = number
    while rest > 0:
        digit_sum = 0
        for digit in str(rest):
            digit_sum += int(digit)
        if rest % digit_sum != 0:
            return False
        rest //= 10
    return number > 0
""",
        inputs=(
            "[201]",
            "[0]",
            "[7]",
            "[11]",
            "[12]",
            "[22]",
            "[216]",
            "[1088]",
            "[114]",
            "[481]",
            "[19]",
            "[126]",
            "[2109]",
            "[1]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/124",
        entry_point="meeting_possible",
        prompt='''"""
Write a function to tell whether two people can meet: their free times are lists of (start, end), and at least
one free time of each must overlap for the given number of minutes or more.
assert meeting_possible([(0, 30)], [(20, 50)], 10) == True
"""
''',
        canonical_solution="""\
def meeting_possible(first, second, minutes):
    for start, end in first:
        for other_start, other_end in second:
            latest_start = max(start, other_start)
            earliest_end = min(end, other_end)
            if earliest_end - latest_start >= minutes:
                return True
    return False
""",
        inputs=(
            "[[(0, 30)], [(20, 50)], 10]",
            "[[], [(0, 100)], 1]",
            "[[(0, 30)], [(20, 50)], 11]",
            "[[(10, 20), (40, 90)], [(85, 99), (0, 15)], 6]",
            "[[(10, 20), (40, 90)], [(85, 99), (0, 15)], 5]",
            "[[(5, 6)], [(6, 7)], 1]",
            "[[(5, 6)], [(6, 7)], 0]",
            "[[(100, 200)], [(120, 150)], 30]",
            "[[(1, 2), (3, 4), (5, 6)], [(0, 9)], 2]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/125",
        entry_point="same_necklace",
        prompt='''"""
Write a function to tell whether two texts of beads show the same necklace, one being the other turned round
by any number of beads, where the beads may also be read backwards.
assert same_necklace("abcd", "badc") == True
"""
''',
        canonical_solution="""\
def same_necklace(first, second):
    if len(first) != len(second):
        return False
    if first == "":
        return True
    for candidate in (second, second[::-1]):
        for turn in range(len(candidate)):
            if candidate[turn:] + candidate[:turn] == first:
                return True
    return False
""",
        inputs=(
            "['abcd', 'badc']",
            "['', '']",
            "['a', 'b']",
            "['a', '']",
            "['aab', 'aba']",
            "['abcd', 'abdc']",
            "['xxy', 'xyy']",
            "['rgbw', 'wrgb']",
            "['abcde', 'cbaed']",
            "['aabb', 'abab']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/126",
        entry_point="is_balanced_split",
        prompt='''"""
Write a function to tell whether a list of numbers can be cut in two places into three parts, none of them
empty, with the same sum.
assert is_balanced_split([1, 2, 3, 3]) == True
"""
''',
        canonical_solution="""\
def is_balanced_split(numbers):
    total = sum(numbers)
    if len(numbers) < 3 or total % 3 != 0:
        return False
    share = total // 3
    parts = 0
    running = 0
    for number in numbers[:-1]:
        running += number
        if running == share:
            parts += 1
            running = 0
    return parts >= 2
""",
        inputs=(
            "[[1, 2, 3, 3]]",
            "[[]]",
            "[[0, 0]]",
            "[[0, 0, 0]]",
            "[[3, 3, 3, 0]]",
            "[[1, 1, 1, 1]]",
            "[[6, -3, 3, -3, 6]]",
            "[[5, 1, 3, 3, 3]]",
            "[[2, 4, 6]]",
            "[[-2, -1, -1, -2]]",
            "[[4, 4, 2, 2]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/127",
        entry_point="order_respected",
        prompt='''"""
Write a function to tell whether a list of tasks in the order they were done respects the given pairs
(before, after). A pair with a task that was not done at all is respected only when its "after" task was not
done.
assert order_respected(["a", "b"], [("a", "b")]) == True
"""
''',
        canonical_solution="""\
def order_respected(done, pairs):
    place = {}
    for index, task in enumerate(done):
        if task not in place:
            place[task] = index
    for before, after in pairs:
        if after not in place:
            continue
        if before not in place:
            return False
        if place[before] > place[after]:
            return False
    return True
""",
        inputs=(
            "[['a', 'b'], [('a', 'b')]]",
            "[[], []]",
            "[[], [('a', 'b')]]",
            "[['b', 'a'], [('a', 'b')]]",
            "[['b'], [('a', 'b')]]",
            "[['a'], [('a', 'b')]]",
            "[['x', 'y', 'z'], [('x', 'z'), ('y', 'z')]]",
            "[['x', 'z', 'y'], [('x', 'z'), ('y', 'z')]]",
            "[['c', 'a', 'c'], [('a', 'c')]]",
            "[['p', 'q'], [('p', 'p')]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/128",
        entry_point="robot_loops",
        prompt='''"""
Write a function to tell whether a robot that repeats its commands for ever stays near its start. "G" moves
it one forward, "L" and "R" turn it by a quarter: it stays near when after one round it is back at the start
or looks in another direction.
assert robot_loops("GL") == True
"""
''',
        canonical_solution="""\
def robot_loops(commands):
    x, y = 0, 0
    dx, dy = 0, 1
    for command in commands:
        if command == "G":
            x += dx
            y += dy
        elif command == "L":
            dx, dy = -dy, dx
        elif command == "R":
            dx, dy = dy, -dx
    if x == 0 and y == 0:
        return True
    return not (dx == 0 and dy == 1)
""",
        inputs=(
            "['GL']",
            "['']",
            "['G']",
            "['GLLGLL']",
            "['GRGL']",
            "['GGLLG']",
            "['GLGLGLGL']",
            "['GRGRGRGRG']",
            "['LLRR']",
            "['GLRG']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/129",
        entry_point="sudoku_unit",
        prompt='''"""
Write a function to tell whether a list of nine cells is a proper sudoku unit so far: every cell holds 0 (for
empty) or a number from 1 to 9, and no number but 0 occurs twice.
assert sudoku_unit([5, 3, 0, 0, 7, 0, 0, 0, 1]) == True
"""
''',
        canonical_solution="""\
def sudoku_unit(cells):
    if len(cells) != 9:
        return False
    seen = []
    for cell in cells:
        if cell < 0 or cell > 9:
            return False
        if cell == 0:
            continue
        if cell in seen:
            return False
        seen.append(cell)
    return True
""",
        inputs=(
            "[[5, 3, 0, 0, 7, 0, 0, 0, 1]]",
            "[[]]",
            "[[0, 0, 0, 0, 0, 0, 0, 0, 0]]",
            "[[1, 2, 3, 4, 5, 6, 7, 8, 9]]",
            "[[1, 2, 3, 4, 5, 6, 7, 8]]",
            "[[1, 2, 3, 4, 5, 6, 7, 8, 10]]",
            "[[1, -1, 0, 0, 0, 0, 0, 0, 0]]",
            "[[9, 0, 0, 0, 0, 0, 0, 0, 9]]",
            "[[0, 1, 0, 2, 0, 3, 0, 4, 0]]",
            "[[1, 2, 3, 4, 5, 6, 7, 8, 9, 0]]",
        ),
    ),
)
