"""Matrices, grids and plane geometry on whole numbers; the answers are integers.

What belongs here: problem data of this theme. What does not: code, and problems taken from a data set.
"""

from codelewm_assets.sources.sample.schema import StandInProblem

PROBLEMS: tuple[StandInProblem, ...] = (
    StandInProblem(
        task_id="StandIn/38",
        entry_point="diagonal_gap",
        prompt='''"""
Write a function to find the sum of the main diagonal of a square matrix minus the sum of its other diagonal.
assert diagonal_gap([[1, 2], [3, 9]]) == 5
"""
''',
        canonical_solution="""\
def diagonal_gap(matrix):
    size = len(matrix)
    gap = 0
    for row in range(size):
        gap += matrix[row][row]
        gap -= matrix[row][size - 1 - row]
    return gap
""",
        inputs=(
            "[[[1, 2], [3, 9]]]",
            "[[]]",
            "[[[8]]]",
            "[[[1, 5], [4, 2]]]",
            "[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]",
            "[[[900, 3, -50], [0, 4, 0], [-200, 1, 60]]]",
            "[[[10, 0, 2], [0, -5, 0], [3, 0, 7]]]",
            "[[[-1, -2], [-3, -4]]]",
            "[[[60, 1], [20, 70]]]",
            "[[[3, 0, 0, 9], [0, 2, 8, 0], [0, 7, 1, 0], [6, 0, 0, 0]]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/39",
        entry_point="small_determinant",
        prompt='''"""
Write a function to compute the determinant of a square matrix of whole numbers with up to three rows. The
determinant of a matrix without rows is 1.
assert small_determinant([[2, 7], [1, 3]]) == -1
"""
''',
        canonical_solution="""\
def small_determinant(matrix):
    size = len(matrix)
    if size == 0:
        return 1
    if size == 1:
        return matrix[0][0]
    if size == 2:
        return matrix[0][0] * matrix[1][1] - matrix[0][1] * matrix[1][0]
    first, second, third = matrix
    total = 0
    for column in range(3):
        left = (column + 1) % 3
        right = (column + 2) % 3
        minor = second[left] * third[right] - second[right] * third[left]
        total += first[column] * minor
    return total
""",
        inputs=(
            "[[[2, 7], [1, 3]]]",
            "[[]]",
            "[[[-6]]]",
            "[[[4, 2], [6, 3]]]",
            "[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]",
            "[[[2, 0, 1], [1, 3, 2], [1, 1, 1]]]",
            "[[[20, 1, 0], [3, 15, 2], [0, 1, 9]]]",
            "[[[0, 1, 0], [1, 0, 0], [0, 0, 1]]]",
            "[[[12, 5], [7, 9]]]",
            "[[[5, -2, 4], [0, 3, 1], [2, 2, 6]]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/40",
        entry_point="frame_gap",
        prompt='''"""
Write a function to add up the cells on the outer frame of a rectangular grid and subtract all the cells
inside it.
assert frame_gap([[1, 1, 1], [1, 9, 1], [1, 1, 1]]) == -1
"""
''',
        canonical_solution="""\
def frame_gap(grid):
    total = 0
    last_row = len(grid) - 1
    for row, cells in enumerate(grid):
        last_column = len(cells) - 1
        for column, cell in enumerate(cells):
            if row in (0, last_row) or column in (0, last_column):
                total += cell
            else:
                total -= cell
    return total
""",
        inputs=(
            "[[[1, 1, 1], [1, 9, 1], [1, 1, 1]]]",
            "[[]]",
            "[[[5]]]",
            "[[[2, 3], [4, 5]]]",
            "[[[1, 1, 1], [1, 8, 1], [1, 1, 1]]]",
            "[[[0, 1, 0, 2], [3, 40, 50, 4], [1, 1, 1, 1]]]",
            "[[[500, 400, 300], [10, 20, 30], [0, 0, 1]]]",
            "[[[-3, 2, -1]]]",
            "[[[9, 8, 7], [6, 5, 4], [3, 2, 1], [10, 20, 30]]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/41",
        entry_point="falling_path",
        prompt='''"""
Write a function to find the smallest sum of a path from the top row to the bottom row of a grid, where each
step goes down by one and sideways by at most one. A grid without rows gives 0.
assert falling_path([[3, 9, 1], [4, 2, 8]]) == 3
"""
''',
        canonical_solution="""\
def falling_path(grid):
    if not grid:
        return 0
    best = list(grid[0])
    for cells in grid[1:]:
        following = []
        for column, cell in enumerate(cells):
            lowest = best[column]
            if column > 0 and best[column - 1] < lowest:
                lowest = best[column - 1]
            if column < len(cells) - 1 and best[column + 1] < lowest:
                lowest = best[column + 1]
            following.append(cell + lowest)
        best = following
    return min(best)
""",
        inputs=(
            "[[[3, 9, 1], [4, 2, 8]]]",
            "[[]]",
            "[[[7]]]",
            "[[[5, -2], [-3, 4], [1, 1]]]",
            "[[[2, 8, 8], [9, 9, 1], [9, 9, -6]]]",
            "[[[10, 20, 30], [30, 20, 10], [25, 15, 35]]]",
            "[[[900, 700], [800, 950]]]",
            "[[[1, -1]]]",
            "[[[-1], [1]]]",
            "[[[9, 1, 9, 1], [1, 9, 9, 9], [0, 0, 5, 0]]]",
            "[[[5, 9, 1], [1, 9, 9]]]",
            "[[[1, 9], [9, 2]]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/42",
        entry_point="spiral_sway",
        prompt='''"""
Write a function to walk a rectangular grid in a clockwise spiral from the top left corner and to add the
cells in turn with the signs plus, minus, plus, minus and so on.
assert spiral_sway([[1, 2], [4, 3]]) == -2
"""
''',
        canonical_solution="""\
def spiral_sway(grid):
    rows = [list(row) for row in grid]
    sign = 1
    total = 0
    while rows and rows[0]:
        for cell in rows[0]:
            total += sign * cell
            sign = -sign
        rest = rows[1:]
        rows = [list(column) for column in zip(*rest)]
        rows.reverse()
    return total
""",
        inputs=(
            "[[[1, 2], [4, 3]]]",
            "[[]]",
            "[[[6]]]",
            "[[[1, 2, 3], [8, 9, 4], [7, 6, 5]]]",
            "[[[5, 5], [5, 5]]]",
            "[[[2000, 30, 400], [7, 80, 9]]]",
            "[[[10], [20], [45]]]",
            "[[[3, 1, 4, 1], [5, 9, 2, 6], [5, 3, 5, 8]]]",
            "[[[100, 1, 90, 2]]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/43",
        entry_point="twice_signed_area",
        prompt='''"""
Write a function to compute twice the signed area of a polygon from its corner points in order: positive
when the corners run counter-clockwise, negative when clockwise.
assert twice_signed_area([(0, 0), (4, 0), (0, 3)]) == 12
"""
''',
        canonical_solution="""\
def twice_signed_area(points):
    area = 0
    count = len(points)
    for index in range(count):
        x1, y1 = points[index]
        x2, y2 = points[(index + 1) % count]
        area += x1 * y2 - x2 * y1
    return area
""",
        inputs=(
            "[[(0, 0), (4, 0), (0, 3)]]",
            "[[]]",
            "[[(5, 5)]]",
            "[[(0, 0), (2, 2), (5, 5)]]",
            "[[(0, 0), (0, 3), (4, 0)]]",
            "[[(0, 0), (30, 0), (30, 20), (0, 20)]]",
            "[[(1, 1), (3, 1), (3, 3), (1, 3)]]",
            "[[(-2, 0), (0, -2), (2, 0), (0, 2)]]",
            "[[(0, 0), (1, 0), (0, 1)]]",
            "[[(10, 0), (0, 0), (0, 60)]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/44",
        entry_point="distance_gained",
        prompt='''"""
Write a function to find how much closer to a target a walker has come: the grid distance (columns plus
rows) from start to target minus that from the end of the walk to the target. The walk is a text of the
letters N (y up), S, E (x up) and W; a digit right after a letter repeats it that often in all.
assert distance_gained((0, 0), (5, 0), "E3N") == 2
"""
''',
        canonical_solution="""\
def distance_gained(start, target, walk):
    steps = {"N": (0, 1), "S": (0, -1), "E": (1, 0), "W": (-1, 0)}
    x, y = start
    dx, dy = 0, 0
    for symbol in walk:
        if symbol in steps:
            dx, dy = steps[symbol]
            x += dx
            y += dy
        else:
            extra = int(symbol) - 1
            x += dx * extra
            y += dy * extra
    before = abs(target[0] - start[0]) + abs(target[1] - start[1])
    after = abs(target[0] - x) + abs(target[1] - y)
    return before - after
""",
        inputs=(
            "[(0, 0), (5, 0), 'E3N']",
            "[(0, 0), (0, 0), '']",
            "[(1, 1), (1, 1), 'NE']",
            "[(0, 0), (-4, 6), 'W4N6']",
            "[(2, 3), (40, 50), 'N9N9E9E9']",
            "[(0, 0), (3, 0), 'W2S']",
            "[(-1, -1), (-1, -9), 'S9']",
            "[(0, 0), (1, 1), 'NSEW']",
            "[(10, 10), (0, 0), 'W0S5']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/45",
        entry_point="corner_product",
        prompt='''"""
Write a function to follow a list of (heading, length) moves from the origin, headings being "U", "D", "L"
and "R", and return the product of the final x and y.
assert corner_product([("R", 4), ("D", 3)]) == -12
"""
''',
        canonical_solution="""\
def corner_product(moves):
    x = 0
    y = 0
    for heading, length in moves:
        if heading == "U":
            y += length
        elif heading == "D":
            y -= length
        elif heading == "L":
            x -= length
        elif heading == "R":
            x += length
    return x * y
""",
        inputs=(
            "[[('R', 4), ('D', 3)]]",
            "[[]]",
            "[[('U', 8)]]",
            "[[('R', 2), ('U', 5), ('L', 1)]]",
            "[[('L', 30), ('D', 40), ('R', 1)]]",
            "[[('L', 6), ('U', 9), ('D', 1)]]",
            "[[('R', 12), ('U', 12), ('U', 3)]]",
            "[[('R', 3), ('L', 3), ('U', 4)]]",
            "[[('D', 7), ('L', 2), ('U', 6)]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/46",
        entry_point="uncovered_length",
        prompt='''"""
Write a function to find how much of the stretch from 0 to length is left over after the given intervals
[start, end] are laid on a line: length minus the total length covered by at least one interval, wherever
it lies.
assert uncovered_length([[1, 4], [3, 6]], 10) == 5
"""
''',
        canonical_solution="""\
def uncovered_length(intervals, length):
    covered = 0
    reach = None
    for start, end in sorted(intervals):
        if reach is None or start > reach:
            covered += end - start
            reach = end
        elif end > reach:
            covered += end - reach
            reach = end
    return length - covered
""",
        inputs=(
            "[[[1, 4], [3, 6]], 10]",
            "[[], 0]",
            "[[[0, 5]], 5]",
            "[[[0, 3], [8, 12], [2, 4]], 5]",
            "[[[5, 6], [1, 2], [2, 5]], 2000]",
            "[[[10, 60], [20, 30]], 400]",
            "[[[7, 7]], 3]",
            "[[[-5, 5], [-9, -4], [4, 6]], 4]",
            "[[[1, 3], [1, 3], [1, 2]], 2]",
            "[[[0, 900], [850, 1400]], 200]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/47",
        entry_point="overlap_score",
        prompt='''"""
Write a function to compare two axis-parallel rectangles given as (left, bottom, right, top): the area of
their overlap, or, when they have none, minus the sum of the horizontal and vertical gap between them.
assert overlap_score((0, 0, 4, 4), (2, 1, 6, 3)) == 4
"""
''',
        canonical_solution="""\
def overlap_score(first, second):
    left = max(first[0], second[0])
    bottom = max(first[1], second[1])
    right = min(first[2], second[2])
    top = min(first[3], second[3])
    width = right - left
    height = top - bottom
    if width > 0 and height > 0:
        return width * height
    gap = 0
    if width < 0:
        gap -= width
    if height < 0:
        gap -= height
    return -gap
""",
        inputs=(
            "[(0, 0, 4, 4), (2, 1, 6, 3)]",
            "[(0, 0, 2, 2), (2, 0, 5, 2)]",
            "[(0, 0, 1, 1), (4, 6, 7, 8)]",
            "[(0, 0, 50, 60), (10, -10, 90, 30)]",
            "[(-3, -3, 3, 3), (-1, -2, 1, 2)]",
            "[(0, 0, 9, 9), (5, 20, 8, 30)]",
            "[(0, 0, 20, 10), (5, 5, 40, 40)]",
            "[(1, 1, 2, 2), (2, 2, 3, 3)]",
            "[(8, 0, 9, 5), (0, 2, 3, 4)]",
            "[(0, 0, 1, 5), (0, 2, 3, 4)]",
            "[(0, 0, 5, 1), (2, 0, 4, 3)]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/48",
        entry_point="net_row_swing",
        prompt='''"""
Write a function to take, for each row of a table, the last value minus the first, and return the swing with
the largest size, keeping its sign. The earlier row wins a tie; rows without values are skipped and 0 is
returned when there is nothing to compare.
assert net_row_swing([[1, 9], [20, 5], [3]]) == -15
"""
''',
        canonical_solution="""\
def net_row_swing(table):
    swing = 0
    for row in table:
        if not row:
            continue
        change = row[-1] - row[0]
        if abs(change) > abs(swing):
            swing = change
    return swing
""",
        inputs=(
            "[[[1, 9], [20, 5], [3]]]",
            "[[]]",
            "[[[], [4]]]",
            "[[[3, 8, 5], [7, 5]]]",
            "[[[2, 7], [9, 4]]]",
            "[[[100, 0, 2400], [50, -50]]]",
            "[[[10, 40], [70, 15]]]",
            "[[[6, 1, 6], [0, 0]]]",
            "[[[-4, -8], [-8, -4]]]",
            "[[[5, 0, 70], []]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/49",
        entry_point="neighbour_gain",
        prompt='''"""
Write a function to score the cells of a line: each cell larger than all its direct neighbours earns its
value, each cell smaller than all its direct neighbours loses 3. A cell without neighbours does neither.
assert neighbour_gain([5, 2, 8]) == 10
"""
''',
        canonical_solution="""\
def neighbour_gain(cells):
    score = 0
    last = len(cells) - 1
    if last < 1:
        return 0
    for index, cell in enumerate(cells):
        neighbours = []
        if index > 0:
            neighbours.append(cells[index - 1])
        if index < last:
            neighbours.append(cells[index + 1])
        if cell > max(neighbours):
            score += cell
        elif cell < min(neighbours):
            score -= 3
    return score
""",
        inputs=(
            "[[5, 2, 8]]",
            "[[]]",
            "[[9]]",
            "[[4, 4]]",
            "[[1, 2, 3]]",
            "[[0, 1, 0, 1, 0]]",
            "[[300, 10, 900, 20]]",
            "[[40, 7, 7, 60]]",
            "[[-5, -9, -2]]",
            "[[3, 1]]",
            "[[4, 1]]",
        ),
    ),
)
