"""Number theory and whole-number recurrences; every answer is an integer.

What belongs here: problem data of this theme. What does not: code, and problems taken from a data set.
"""

from codelewm_assets.sources.sample.schema import StandInProblem

PROBLEMS: tuple[StandInProblem, ...] = (
    StandInProblem(
        task_id="StandIn/14",
        entry_point="mirror_difference",
        prompt='''"""
Write a function to subtract from a whole number the number with its digits in reverse order. The sign stays
in front, and zeros that end up in front are dropped.
assert mirror_difference(52) == 27
"""
''',
        canonical_solution="""\
def mirror_difference(number):
    sign = -1 if number < 0 else 1
    rest = abs(number)
    mirrored = 0
    while rest > 0:
        mirrored = mirrored * 10 + rest % 10
        rest //= 10
    return number - sign * mirrored
""",
        inputs=(
            "[52]",
            "[0]",
            "[7]",
            "[25]",
            "[1001]",
            "[9120]",
            "[-31]",
            "[-13]",
            "[100]",
            "[54]",
            "[2110]",
            "[90]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/15",
        entry_point="prime_balance",
        prompt='''"""
Write a function to add up the primes of a list and subtract the composite numbers. Numbers below 2 are
neither and do not count.
assert prime_balance([2, 3, 4, 1]) == 1
"""
''',
        canonical_solution="""\
def prime_balance(numbers):
    balance = 0
    for number in numbers:
        if number < 2:
            continue
        is_prime = True
        divisor = 2
        while divisor * divisor <= number:
            if number % divisor == 0:
                is_prime = False
                break
            divisor += 1
        if is_prime:
            balance += number
        else:
            balance -= number
    return balance
""",
        inputs=(
            "[[2, 3, 4, 1]]",
            "[[]]",
            "[[1, 0, -7]]",
            "[[9, 25]]",
            "[[7, 7, 14]]",
            "[[2, 2, 2]]",
            "[[1009, 997, 49]]",
            "[[97, 89, 91]]",
            "[[5, 4]]",
            "[[1500, 11]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/16",
        entry_point="abundance",
        prompt='''"""
Write a function to find the sum of the divisors of a positive whole number that are smaller than the number
itself, minus the number.
assert abundance(12) == 4
"""
''',
        canonical_solution="""\
def abundance(number):
    total = 0
    candidate = 1
    while candidate * candidate <= number:
        if number % candidate == 0:
            partner = number // candidate
            if candidate < number:
                total += candidate
            if partner != candidate and partner < number:
                total += partner
        candidate += 1
    return total - number
""",
        inputs=(
            "[12]",
            "[1]",
            "[6]",
            "[13]",
            "[16]",
            "[28]",
            "[60]",
            "[720]",
            "[1260]",
            "[18]",
            "[36]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/17",
        entry_point="hailstone_drift",
        prompt='''"""
Write a function to find how far a number has moved after a number of steps, as the end value minus the
start value. A step halves an even number; an odd number is tripled and one is added. The walk stops early
when it stands at 1.
assert hailstone_drift(3, 2) == 2
"""
''',
        canonical_solution="""\
def hailstone_drift(start, steps):
    value = start
    for _ in range(steps):
        if value == 1:
            break
        if value % 2 == 0:
            value //= 2
        else:
            value = 3 * value + 1
    return value - start
""",
        inputs=(
            "[3, 2]",
            "[1, 5]",
            "[8, 3]",
            "[8, 1]",
            "[27, 10]",
            "[703, 1]",
            "[6, 0]",
            "[7, 4]",
            "[2, 9]",
            "[447, 7]",
            "[5, 1]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/18",
        entry_point="square_root_modulo",
        prompt='''"""
Write a function to find the smallest x from 0 up to modulus - 1 whose square leaves the remainder target
when divided by modulus, or -1 when there is none.
assert square_root_modulo(2, 7) == 3
"""
''',
        canonical_solution="""\
def square_root_modulo(target, modulus):
    wanted = target % modulus
    for x in range(modulus):
        if x * x % modulus == wanted:
            return x
    return -1
""",
        inputs=(
            "[2, 7]",
            "[0, 5]",
            "[3, 7]",
            "[4, 9]",
            "[10, 13]",
            "[-1, 13]",
            "[2, 31]",
            "[5, 1]",
            "[45, 1999]",
            "[7, 1009]",
            "[1203, 4001]",
            "[2249, 4001]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/19",
        entry_point="first_bezout",
        prompt='''"""
Write a function to find, for two positive whole numbers a and b, the factor s that the extended Euclidean
algorithm gives so that s * a + t * b is their greatest common divisor.
assert first_bezout(12, 5) == -2
"""
''',
        canonical_solution="""\
def first_bezout(a, b):
    old_rest, rest = a, b
    old_factor, factor = 1, 0
    while rest != 0:
        quotient = old_rest // rest
        old_rest, rest = rest, old_rest - quotient * rest
        old_factor, factor = factor, old_factor - quotient * factor
    return old_factor
""",
        inputs=(
            "[12, 5]",
            "[6, 3]",
            "[5, 12]",
            "[240, 46]",
            "[17, 17]",
            "[3, 11]",
            "[1, 9]",
            "[101, 4999]",
            "[997, 3541]",
            "[35, 1024]",
            "[7, 20000]",
            "[4999, 12000]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/20",
        entry_point="square_offset",
        prompt='''"""
Write a function to find how far a whole number lies above the nearest square number (0, 1, 4, 9, ...); the
answer is negative when the nearest square is larger.
assert square_offset(15) == -1
"""
''',
        canonical_solution="""\
def square_offset(number):
    if number <= 0:
        return number
    root = 0
    while (root + 1) * (root + 1) <= number:
        root += 1
    below = number - root * root
    above = (root + 1) * (root + 1) - number
    if below <= above:
        return below
    return -above
""",
        inputs=(
            "[15]",
            "[0]",
            "[16]",
            "[20]",
            "[21]",
            "[110]",
            "[11]",
            "[-50]",
            "[2]",
            "[40015]",
            "[1]",
            "[90290]",
            "[4005001]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/21",
        entry_point="nested_value",
        prompt='''"""
Write a function to compute the value of a polynomial at x. Its coefficients are given from the highest power
down; no coefficients at all mean 0.
assert nested_value([2, -3, 1], 4) == 21
"""
''',
        canonical_solution="""\
def nested_value(coefficients, x):
    value = 0
    for coefficient in coefficients:
        value = value * x + coefficient
    return value
""",
        inputs=(
            "[[2, -3, 1], 4]",
            "[[], 9]",
            "[[5], 3]",
            "[[1, 0, -4], 2]",
            "[[1, 0, -4], -1]",
            "[[3, 1, 0, 7], 10]",
            "[[-2, 4], 11]",
            "[[1, 1, 1, 1, 1], 3]",
            "[[0, 0, 6], -8]",
            "[[4, -1], 0]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/22",
        entry_point="sign_flip_sum",
        prompt='''"""
Write a function to add the digits of a whole number from the right with the weights 1, -2, 3, -4 and so on.
For a negative number the result changes its sign.
assert sign_flip_sum(215) == 9
"""
''',
        canonical_solution="""\
def sign_flip_sum(number):
    total = 0
    weight = 1
    rest = abs(number)
    while rest > 0:
        digit = rest % 10
        if weight % 2 == 1:
            total += weight * digit
        else:
            total -= weight * digit
        weight += 1
        rest //= 10
    if number < 0:
        total = -total
    return total
""",
        inputs=(
            "[215]",
            "[0]",
            "[10]",
            "[12]",
            "[9090909]",
            "[-9090909]",
            "[4321]",
            "[-31]",
            "[80]",
            "[900000000]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/23",
        entry_point="staircase_residue",
        prompt='''"""
Write a function to subtract 1, 2, 3, ... from a whole number for as long as what is left is not smaller than
the next of these steps, and to return the square of what is left minus the number of steps taken.
assert staircase_residue(8) == 1
"""
''',
        canonical_solution="""\
def staircase_residue(number):
    step = 1
    rest = number
    while rest >= step:
        rest -= step
        step += 1
    steps_taken = step - 1
    return rest * rest - steps_taken
""",
        inputs=(
            "[8]",
            "[0]",
            "[1]",
            "[5]",
            "[6]",
            "[100]",
            "[-8]",
            "[5049]",
            "[20]",
            "[300]",
            "[7]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/24",
        entry_point="spread_recurrence",
        prompt='''"""
Write a function to compute the n-th member of the sequence whose first two members (numbers 0 and 1) are a
and b and where each later member is the one before it minus twice the one before that.
assert spread_recurrence(1, 3, 3) == -5
"""
''',
        canonical_solution="""\
def spread_recurrence(a, b, n):
    previous, current = a, b
    if n == 0:
        return a
    for _ in range(n - 1):
        previous, current = current, current - 2 * previous
    return current
""",
        inputs=(
            "[1, 3, 3]",
            "[4, 9, 0]",
            "[4, 9, 1]",
            "[1, 2, 2]",
            "[0, 0, 6]",
            "[5, 1, 4]",
            "[1, 1, 12]",
            "[3, -2, 5]",
            "[-40, 30, 9]",
            "[100, 700, 7]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/25",
        entry_point="odd_part_gap",
        prompt='''"""
Write a function to take every number of a list, divide it by two for as long as it is even, and return the
largest result minus the number of halvings made in all. Zeros are skipped; without any other number the
answer is 0.
assert odd_part_gap([12, 5]) == 3
"""
''',
        canonical_solution="""\
def odd_part_gap(numbers):
    largest = None
    halvings = 0
    for number in numbers:
        if number == 0:
            continue
        while number % 2 == 0:
            number //= 2
            halvings += 1
        if largest is None or number > largest:
            largest = number
    if largest is None:
        return 0
    return largest - halvings
""",
        inputs=(
            "[[12, 5]]",
            "[[]]",
            "[[0, 0]]",
            "[[8, 16]]",
            "[[-6, -3]]",
            "[[4, 2, 3]]",
            "[[1999, 64]]",
            "[[700, 350]]",
            "[[1024]]",
            "[[-8, 0, 40]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/26",
        entry_point="coin_surplus",
        prompt='''"""
Write a function to pay an amount greedily with coins: take as many of the largest coin as fit, then of the
next, and so on. Return the number of coins used minus the amount that could not be paid.
assert coin_surplus(37, [10, 5]) == 2
"""
''',
        canonical_solution="""\
def coin_surplus(amount, coins):
    used = 0
    rest = amount
    for coin in sorted(coins, reverse=True):
        count = rest // coin
        used += count
        rest -= count * coin
    return used - rest
""",
        inputs=(
            "[37, [10, 5]]",
            "[0, [1, 2]]",
            "[3, [5]]",
            "[30, [7, 25]]",
            "[88, [1, 10, 50]]",
            "[499, [1]]",
            "[4005, [2, 3]]",
            "[6, []]",
            "[11, [4, 6]]",
            "[23, [10, 3]]",
        ),
    ),
)
