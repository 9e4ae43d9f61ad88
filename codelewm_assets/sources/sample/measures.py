"""Measures and rates with a fractional answer, rounded so that they compare well.

What belongs here: problem data of this theme. What does not: code, and problems taken from a data set.
"""

from codelewm_assets.sources.sample.schema import StandInProblem

PROBLEMS: tuple[StandInProblem, ...] = (
    StandInProblem(
        task_id="StandIn/50",
        entry_point="half_contrast",
        prompt='''"""
Write a function to find the mean of the second half of a list minus the mean of its first half, rounded to
2 decimals. The middle value of an odd count belongs to neither half; with fewer than 2 values it is 0.0.
assert half_contrast([1, 2, 9, 4, 6]) == 3.5
"""
''',
        canonical_solution="""\
def half_contrast(values):
    half = len(values) // 2
    if half == 0:
        return 0.0
    first_total = 0
    second_total = 0
    for offset in range(half):
        first_total += values[offset]
        second_total += values[-1 - offset]
    return round((second_total - first_total) / half, 2)
""",
        inputs=(
            "[[1, 2, 9, 4, 6]]",
            "[[]]",
            "[[12]]",
            "[[5, 5]]",
            "[[9, 3]]",
            "[[1, 1, 2, 5, 6, 6]]",
            "[[0, 90, 120, 30]]",
            "[[10, -20, 4000, 50]]",
            "[[3, 1, 2]]",
            "[[7, 7, 1, 0, 8, 2]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/51",
        entry_point="compound_change",
        prompt='''"""
Write a function to find how much an amount changes in value when yearly rates in percent (which may be
negative) are applied one after the other, rounded to 2 decimals.
assert compound_change(100, [10, -50]) == -45.0
"""
''',
        canonical_solution="""\
def compound_change(amount, rates):
    value = float(amount)
    for rate in rates:
        value += value * rate / 100
    return round(value - amount, 2)
""",
        inputs=(
            "[100, [10, -50]]",
            "[500, []]",
            "[80, [5]]",
            "[200, [25, -20]]",
            "[1000, [10, 10, 10]]",
            "[30000, [2, 3]]",
            "[60, [-10, 8, 0]]",
            "[0, [40, 60]]",
            "[7, [100, 100]]",
            "[123, [3.33, -1.7]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/52",
        entry_point="grade_margin",
        prompt='''"""
Write a function to find the weighted mean of (grade, weight) pairs minus a pass mark, rounded to 2 decimals.
Pairs whose weight is not positive are left out; when none remain the answer is 0.0.
assert grade_margin([(60, 1), (80, 3)], 50) == 25.0
"""
''',
        canonical_solution="""\
def grade_margin(pairs, pass_mark):
    weighted = 0
    weights = 0
    for grade, weight in pairs:
        if weight <= 0:
            continue
        weighted += grade * weight
        weights += weight
    if weights == 0:
        return 0.0
    return round(weighted / weights - pass_mark, 2)
""",
        inputs=(
            "[[(60, 1), (80, 3)], 50]",
            "[[], 50]",
            "[[(90, 0), (70, -2)], 40]",
            "[[(40, 2), (50, 1)], 45]",
            "[[(55, 4), (65, 2)], 55]",
            "[[(50, 1), (50, 2)], 50]",
            "[[(100, 1), (20, 1), (70, 2), (9, 0)], 10]",
            "[[(3000, 1), (2000, 1)], 200]",
            "[[(10, 5)], 30]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/53",
        entry_point="line_slope",
        prompt='''"""
Write a function to find the slope of the straight line that fits a list of (x, y) points best in the sense
of least squares, rounded to 3 decimals. Without two different x values the slope is 0.0.
assert line_slope([(0, 1), (1, 3), (2, 5)]) == 2.0
"""
''',
        canonical_solution="""\
def line_slope(points):
    count = len(points)
    if count < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    shared = 0.0
    spread = 0.0
    for x, y in points:
        shared += (x - mean_x) * (y - mean_y)
        spread += (x - mean_x) * (x - mean_x)
    if spread == 0:
        return 0.0
    return round(shared / spread, 3)
""",
        inputs=(
            "[[(0, 1), (1, 3), (2, 5)]]",
            "[[]]",
            "[[(4, 9)]]",
            "[[(2, 1), (2, 8)]]",
            "[[(0, 6), (2, 1), (4, 0)]]",
            "[[(1, 10), (2, 40), (3, 90)]]",
            "[[(0, 0), (1, 2500), (2, 4800)]]",
            "[[(-3, 2), (-1, 2), (5, 2)]]",
            "[[(1, 2), (2, 3), (4, 9), (8, 8)]]",
            "[[(10, -7), (20, 3), (30, -50)]]",
            "[[(0, 0), (1, 1), (3, 1), (5, 4), (6, 1)]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/54",
        entry_point="celsius_reading",
        prompt='''"""
Write a function to turn a temperature such as "68F", "20C" or "300K" into degrees Celsius, rounded to
1 decimal. Fahrenheit has its zero at 32 and 9 degrees for 5 of Celsius; kelvin starts at -273.15.
assert celsius_reading("68F") == 20.0
"""
''',
        canonical_solution="""\
def celsius_reading(reading):
    unit = reading[-1]
    number = float(reading[:-1])
    if unit == "F":
        return round((number - 32) * 5 / 9, 1)
    if unit == "K":
        return round(number - 273.15, 1)
    return round(number, 1)
""",
        inputs=(
            "['68F']",
            "['20C']",
            "['300K']",
            "['32F']",
            "['-40F']",
            "['0K']",
            "['36.6C']",
            "['2000F']",
            "['1811K']",
            "['41F']",
            "['0C']",
            "['295.5K']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/55",
        entry_point="side_distance",
        prompt='''"""
Write a function to find the signed distance of a point from the line through two different points: positive
when the point lies to the left of the way from the first to the second, rounded to 2 decimals.
assert side_distance((0, 0), (4, 0), (1, 3)) == 3.0
"""
''',
        canonical_solution="""\
import math


def side_distance(first, second, point):
    along_x = second[0] - first[0]
    along_y = second[1] - first[1]
    to_x = point[0] - first[0]
    to_y = point[1] - first[1]
    cross = along_x * to_y - along_y * to_x
    length = math.sqrt(along_x * along_x + along_y * along_y)
    return round(cross / length, 2)
""",
        inputs=(
            "[(0, 0), (4, 0), (1, 3)]",
            "[(0, 0), (0, 5), (2, 2)]",
            "[(1, 1), (4, 5), (7, 9)]",
            "[(0, 0), (3, 4), (5, 0)]",
            "[(10, 0), (0, 0), (3, -80)]",
            "[(0, 0), (6, 8), (-2000, 1000)]",
            "[(2, 2), (3, 3), (2, 5)]",
            "[(-5, 1), (-5, 7), (-6, 0)]",
            "[(0, 3), (1, 3), (40, 3)]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/56",
        entry_point="median_shift",
        prompt='''"""
Write a function to find the median of a second list minus the median of a first list. The median of an even
count is the mean of the two middle values and that of an empty list is 0.
assert median_shift([1, 5, 2], [4, 8]) == 4.0
"""
''',
        canonical_solution="""\
def median_shift(before, after):
    medians = []
    for values in (before, after):
        ordered = sorted(values)
        middle = len(ordered) // 2
        if not ordered:
            medians.append(0.0)
        elif len(ordered) % 2 == 1:
            medians.append(float(ordered[middle]))
        else:
            medians.append((ordered[middle - 1] + ordered[middle]) / 2)
    return medians[1] - medians[0]
""",
        inputs=(
            "[[1, 5, 2], [4, 8]]",
            "[[], []]",
            "[[7], []]",
            "[[3, 1, 2], [2]]",
            "[[10, 20, 30, 40], [5, 6]]",
            "[[0, 0], [90, 10, 60, 70]]",
            "[[-4, 9, 2], [5000, 3000, 1000]]",
            "[[6, 6, 1, 9], [6, 5]]",
            "[[], [-3, -8, -5]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/57",
        entry_point="smoothed_level",
        prompt='''"""
Write a function to follow a list of readings with a smoothed level: it starts at the first reading and then
moves by the given share (0 to 1) of the way towards each later reading. Return it rounded to 2 decimals,
0.0 without readings.
assert smoothed_level([10, 20], 0.25) == 12.5
"""
''',
        canonical_solution="""\
def smoothed_level(readings, share):
    if not readings:
        return 0.0
    level = float(readings[0])
    for reading in readings[1:]:
        level += share * (reading - level)
    return round(level, 2)
""",
        inputs=(
            "[[10, 20], 0.25]",
            "[[], 0.5]",
            "[[0, 0, 0], 0.3]",
            "[[8, 4, 2], 0.5]",
            "[[-10, -30, 5], 0.4]",
            "[[100, 300, 200, 700], 0.75]",
            "[[1000, 5000], 0.9]",
            "[[6, 90], 0.0]",
            "[[6, 90], 1.0]",
            "[[3, -3, 3, -3], 0.2]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/58",
        entry_point="signed_area_under",
        prompt='''"""
Write a function to find the area between a curve and the x axis, below the axis counting negative, from
readings taken at a fixed distance apart: between two readings the curve is straight. Round to 2 decimals.
assert signed_area_under([0, 2, 4], 0.5) == 2.0
"""
''',
        canonical_solution="""\
def signed_area_under(readings, distance):
    area = 0.0
    for index in range(len(readings) - 1):
        left = readings[index]
        right = readings[index + 1]
        area += (left + right) / 2 * distance
    return round(area, 2)
""",
        inputs=(
            "[[0, 2, 4], 0.5]",
            "[[], 1]",
            "[[9], 2]",
            "[[3, -3], 4]",
            "[[-1, -2, -4], 1.5]",
            "[[10, 30, 20], 6]",
            "[[500, 700, 900], 1.25]",
            "[[5, 1, -1, 0.5], 1]",
            "[[8, 8, 8, 8], 0.1]",
            "[[1, 2], 0.333]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/59",
        entry_point="exchange_outcome",
        prompt='''"""
Write a function to find the gain of changing an amount into another currency and back. The amount times the
first rate is paid out, less a fee; what is above zero is divided by the second rate. Return the result minus
the amount, rounded to 2 decimals.
assert exchange_outcome(100, 2.0, 20, 1.5) == 20.0
"""
''',
        canonical_solution="""\
def exchange_outcome(amount, rate_out, fee, rate_back):
    foreign = amount * rate_out - fee
    if foreign < 0:
        foreign = 0.0
    returned = foreign / rate_back
    return round(returned - amount, 2)
""",
        inputs=(
            "[100, 2.0, 20, 1.5]",
            "[0, 1.2, 0, 1.1]",
            "[50, 1.25, 0, 1.25]",
            "[10, 1.5, 30, 2.0]",
            "[400, 0.8, 5, 0.9]",
            "[5000, 3.0, 100, 2.0]",
            "[64, 1.5, 4, 1.25]",
            "[20, 2.0, 40, 0.5]",
            "[300, 1.1, 3, 0.8]",
            "[10, 1.1, 0.3, 0.7]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/60",
        entry_point="level_in_decibels",
        prompt='''"""
Write a function to express a power relative to a reference power in decibels, ten times the common logarithm
of their ratio, rounded to 1 decimal. When the power is not above 0 the answer is -200.0. From 60 decibels
on, the value is given in millibels instead, a hundred times as much.
assert level_in_decibels(50, 5) == 10.0
"""
''',
        canonical_solution="""\
import math


def level_in_decibels(power, reference):
    if power <= 0:
        return -200.0
    decibels = round(10 * math.log10(power / reference), 1)
    if decibels >= 60:
        decibels *= 100
    return decibels
""",
        inputs=(
            "[50, 5]",
            "[0, 3]",
            "[7, 7]",
            "[-4, 2]",
            "[1, 8]",
            "[1000, 2]",
            "[4000000, 4]",
            "[20000000, 2]",
            "[9, 8]",
            "[0.02, 90]",
            "[900000, 1]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/61",
        entry_point="trimmed_mean",
        prompt='''"""
Write a function to find the mean of a list after leaving out the given number of smallest and as many of the
largest values, rounded to 2 decimals. It is 0.0 when nothing is left.
assert trimmed_mean([1, 50, 4, 6], 1) == 5.0
"""
''',
        canonical_solution="""\
def trimmed_mean(values, trim):
    kept = sorted(values)
    for _ in range(trim):
        if len(kept) < 2:
            return 0.0
        kept.pop(0)
        kept.pop()
    if not kept:
        return 0.0
    return round(sum(kept) / len(kept), 2)
""",
        inputs=(
            "[[1, 50, 4, 6], 1]",
            "[[], 0]",
            "[[9, 7], 1]",
            "[[3, 8, 4], 0]",
            "[[-5, -90, 2, -6], 1]",
            "[[40, 70, 10, 80, 30], 2]",
            "[[1000, 2000, 4000, 9000], 1]",
            "[[4, 4, 4], 2]",
            "[[5, -5, 0], 0]",
            "[[12, 11, 13], 1]",
            "[[1, 1, 0], 0]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/62",
        entry_point="felt_temperature",
        prompt='''"""
Write a function to find how warm it feels from the air temperature, the wind speed and the humidity in
percent. Below 10 degrees each unit of wind above 5 takes off 0.3; from 27 degrees on each percent of
humidity above 40 adds 0.1. The result is rounded to 1 decimal.
assert felt_temperature(4, 15, 80) == 1.0
"""
''',
        canonical_solution="""\
def felt_temperature(temperature, wind, humidity):
    felt = float(temperature)
    if temperature < 10:
        if wind > 5:
            felt -= (wind - 5) * 0.3
    elif temperature >= 27 and humidity > 40:
        felt += (humidity - 40) * 0.1
    return round(felt, 1)
""",
        inputs=(
            "[4, 15, 80]",
            "[10, 30, 90]",
            "[9, 4, 20]",
            "[27, 0, 75]",
            "[26, 10, 90]",
            "[0, 5, 50]",
            "[-12, 40, 60]",
            "[3, 15, 10]",
            "[35, 20, 40]",
            "[1500, 0, 50]",
            "[9.9, 5.5, 41]",
            "[8, 4.5, 10]",
            "[27, 0, 41]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/63",
        entry_point="joint_variation",
        prompt='''"""
Write a function to find the covariance of two equally long lists: the mean of the products of the deviations
from each list's own mean, rounded to 2 decimals; 0.0 for empty lists.
assert joint_variation([1, 3], [2, 6]) == 2.0
"""
''',
        canonical_solution="""\
def joint_variation(first, second):
    count = len(first)
    if count == 0:
        return 0.0
    mean_first = sum(first) / count
    mean_second = sum(second) / count
    total = 0.0
    for left, right in zip(first, second):
        total += (left - mean_first) * (right - mean_second)
    return round(total / count, 2)
""",
        inputs=(
            "[[1, 3], [2, 6]]",
            "[[], []]",
            "[[5], [9]]",
            "[[4, 4, 4], [1, 2, 3]]",
            "[[1, 2, 3], [9, 5, 4]]",
            "[[10, 20, 60], [0, 30, 15]]",
            "[[0, 100, 200], [50, 0, 400]]",
            "[[-1, 1], [1, -1]]",
            "[[2, 7, 1, 8], [2, 8, 1, 8]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/64",
        entry_point="trip_displacement",
        prompt='''"""
Write a function to find how far a cart ends up from its start. It starts at rest and each phase is given as
(acceleration, seconds); a speed above 30 or below -30 at the end of a phase is cut to that limit. Within a
phase the way is the mean of the speeds at its start and its end times the seconds.
assert trip_displacement([(2, 4), (0, 1)]) == 24.0
"""
''',
        canonical_solution="""\
def trip_displacement(phases):
    limit = 30
    speed = 0.0
    position = 0.0
    for acceleration, seconds in phases:
        next_speed = speed + acceleration * seconds
        if next_speed > limit:
            next_speed = float(limit)
        elif next_speed < -limit:
            next_speed = float(-limit)
        position += (speed + next_speed) / 2 * seconds
        speed = next_speed
    return position
""",
        inputs=(
            "[[(2, 4), (0, 1)]]",
            "[[]]",
            "[[(5, 0)]]",
            "[[(-1, 6)]]",
            "[[(1, 3), (-1, 3), (-1, 2)]]",
            "[[(10, 4), (0, 60)]]",
            "[[(-8, 5), (0, 10), (9, 3)]]",
            "[[(0.5, 4), (2, 1)]]",
            "[[(3, 2), (-3, 4), (3, 2)]]",
            "[[(4, 10), (-4, 10)]]",
        ),
    ),
)
