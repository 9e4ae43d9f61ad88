"""Money, stock and points kept as running integer totals; the answers are signed.

What belongs here: problem data of this theme. What does not: code, and problems taken from a data set.
"""

from codelewm_assets.sources.sample.schema import StandInProblem

PROBLEMS: tuple[StandInProblem, ...] = (
    StandInProblem(
        task_id="StandIn/1",
        entry_point="closing_balance",
        prompt='''"""
Write a function to find the closing balance of an account from its opening balance and a list of signed
moves. After every withdrawal (a negative move) that leaves the balance below zero a fee of 15 is taken.
assert closing_balance(20, [-30, 50]) == 25
"""
''',
        canonical_solution="""\
def closing_balance(opening, moves):
    fee = 15
    balance = opening
    for move in moves:
        balance += move
        if move < 0 and balance < 0:
            balance -= fee
    return balance
""",
        inputs=(
            "[20, [-30, 50]]",
            "[0, []]",
            "[100, [-100]]",
            "[5, [-6, -1, 3]]",
            "[-40, [10, 20]]",
            "[900, [250, -100, 400]]",
            "[10, [-3, -5, 4]]",
            "[0, [15, -15, -1, 16]]",
            "[-10, [0, 0]]",
            "[60, [-60, 0, -45, 700]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/2",
        entry_point="net_trading_cash",
        prompt='''"""
Write a function to find the net cash flow of a list of trades (side, quantity, price). A "sell" brings in
quantity times price, a "buy" costs as much, any other side is ignored, and each sell or buy of more than
10 units costs 2 extra.
assert net_trading_cash([("buy", 3, 10), ("sell", 12, 4)]) == 16
"""
''',
        canonical_solution="""\
def net_trading_cash(trades):
    cash = 0
    for side, quantity, price in trades:
        amount = quantity * price
        if side == "sell":
            cash += amount
        elif side == "buy":
            cash -= amount
        else:
            continue
        if quantity > 10:
            cash -= 2
    return cash
""",
        inputs=(
            "[[('buy', 3, 10), ('sell', 12, 4)]]",
            "[[]]",
            "[[('hold', 50, 9)]]",
            "[[('sell', 10, 7), ('buy', 10, 7)]]",
            "[[('buy', 11, 5)]]",
            "[[('sell', 11, 200), ('buy', 1, 60)]]",
            "[[('sell', 2, 4), ('hold', 1, 1), ('buy', 1, 3)]]",
            "[[('buy', 40, 30), ('sell', 39, 32)]]",
            "[[('sell', 13, 20), ('sell', 9, 3), ('buy', 12, 6)]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/3",
        entry_point="goal_difference",
        prompt='''"""
Write a function to find the goal difference of a team from a list of matches given as
(home team, away team, home goals, away goals). Matches the team did not play in do not count.
assert goal_difference([("A", "B", 3, 1), ("C", "A", 0, 2), ("B", "C", 9, 0)], "A") == 4
"""
''',
        canonical_solution="""\
def goal_difference(matches, team):
    difference = 0
    for home, away, home_goals, away_goals in matches:
        if home == team:
            difference += home_goals - away_goals
        elif away == team:
            difference += away_goals - home_goals
    return difference
""",
        inputs=(
            "[[('A', 'B', 3, 1), ('C', 'A', 0, 2), ('B', 'C', 9, 0)], 'A']",
            "[[], 'A']",
            "[[('A', 'B', 3, 1), ('C', 'A', 0, 2), ('B', 'C', 9, 0)], 'B']",
            "[[('A', 'B', 1, 1)], 'B']",
            "[[('X', 'Y', 0, 5), ('Y', 'X', 5, 0)], 'X']",
            "[[('X', 'Y', 20, 5), ('Z', 'X', 3, 7), ('X', 'Z', 2, 2)], 'X']",
            "[[('X', 'Y', 4, 4)], 'Q']",
            "[[('P', 'Q', 700, 20), ('R', 'P', 5, 900)], 'P']",
            "[[('P', 'Q', 700, 20), ('R', 'P', 5, 900)], 'R']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/4",
        entry_point="exam_score",
        prompt='''"""
Write a function to score an answer string against a key of the same length. Each matching answer earns
reward points, each wrong one loses penalty points, and a "-" is a blank that counts nothing. Three or more
blanks lose one further penalty in all.
assert exam_score("AB-D", "ABCC", 4, 1) == 7
"""
''',
        canonical_solution="""\
def exam_score(answers, key, reward, penalty):
    score = 0
    blanks = 0
    for given, wanted in zip(answers, key):
        if given == "-":
            blanks += 1
        elif given == wanted:
            score += reward
        else:
            score -= penalty
    if blanks >= 3:
        score -= penalty
    return score
""",
        inputs=(
            "['AB-D', 'ABCC', 4, 1]",
            "['', '', 4, 1]",
            "['---A', 'ABCA', 5, 2]",
            "['--CA', 'ABCA', 5, 2]",
            "['DDDD', 'ABCD', 3, 1]",
            "['DBAC', 'ABCD', 2, 3]",
            "['----', 'ABCD', 1, 6]",
            "['ABBA', 'ABBA', 400, 10]",
            "['AABB', 'ABAB', 75, 15]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/5",
        entry_point="energy_bill",
        prompt='''"""
Write a function to compute a household's energy bill from the units used and the units fed back. Only the
surplus of used over fed back is billed: 3 a unit for the first 100 units and 5 a unit beyond. When more was
fed back than used the bill is negative, at 2 a unit.
assert energy_bill(130, 10) == 400
"""
''',
        canonical_solution="""\
def energy_bill(used, fed_back):
    surplus = used - fed_back
    if surplus < 0:
        return surplus * 2
    if surplus <= 100:
        return surplus * 3
    return 100 * 3 + (surplus - 100) * 5
""",
        inputs=(
            "[130, 10]",
            "[0, 0]",
            "[2, 0]",
            "[45, 45]",
            "[50, 57]",
            "[100, 0]",
            "[101, 0]",
            "[460, 20]",
            "[12, 400]",
            "[99, 98]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/6",
        entry_point="loan_after_payments",
        prompt='''"""
Write a function to find what is still owed on a loan after a number of monthly payments. Each month, while
something is owed, a charge of one unit for every full 100 owed is added and then the payment is taken off.
A negative answer is what was overpaid; nothing more is paid once the debt is gone.
assert loan_after_payments(500, 200, 2) == 108
"""
''',
        canonical_solution="""\
def loan_after_payments(principal, payment, months):
    owed = principal
    for _ in range(months):
        if owed <= 0:
            break
        owed += owed // 100
        owed -= payment
    return owed
""",
        inputs=(
            "[500, 200, 2]",
            "[0, 50, 3]",
            "[300, 100, 3]",
            "[250, 126, 2]",
            "[250, 100, 3]",
            "[5000, 400, 4]",
            "[1000, 0, 5]",
            "[99, 33, 3]",
            "[450, 0, 1]",
            "[120, 60, 12]",
            "[206, 103, 2]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/7",
        entry_point="stock_gap",
        prompt='''"""
Write a function to find how far a shop's stock goes beyond its orders. Both are dictionaries from item to
quantity. Every unit left over counts 1, every unit missing counts -2, and items that appear on only one
side count with 0 on the other.
assert stock_gap({"pen": 5, "cup": 1}, {"pen": 2, "cup": 3}) == -1
"""
''',
        canonical_solution="""\
def stock_gap(stock, orders):
    items = sorted(set(stock) | set(orders))
    total = 0
    for item in items:
        left = stock.get(item, 0) - orders.get(item, 0)
        if left >= 0:
            total += left
        else:
            total += 2 * left
    return total
""",
        inputs=(
            "[{'pen': 5, 'cup': 1}, {'pen': 2, 'cup': 3}]",
            "[{}, {}]",
            "[{'pen': 4}, {'pen': 4}]",
            "[{'pen': 4}, {'cup': 2}]",
            "[{'pen': 1}, {'pen': 9, 'mug': 3}]",
            "[{'nail': 1500, 'bolt': 30}, {'bolt': 40}]",
            "[{'a': 10, 'b': 0, 'c': 3}, {'a': 4, 'b': 1}]",
            "[{'a': 120}, {'a': 20, 'b': 15}]",
            "[{}, {'z': 600}]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/8",
        entry_point="seller_bonus",
        prompt='''"""
Write a function to work out a seller's bonus from weekly sales and a weekly target. A week at or above the
target adds a tenth (rounded down) of the amount above it plus 20; a week below it takes off 5, or 25 when
nothing was sold.
assert seller_bonus([150, 80, 100], 100) == 40
"""
''',
        canonical_solution="""\
def seller_bonus(weekly_sales, target):
    bonus = 0
    for amount in weekly_sales:
        if amount >= target:
            bonus += 20 + (amount - target) // 10
        elif amount == 0:
            bonus -= 25
        else:
            bonus -= 5
    return bonus
""",
        inputs=(
            "[[150, 80, 100], 100]",
            "[[], 100]",
            "[[0, 0], 50]",
            "[[100, 99, 99, 99, 99], 100]",
            "[[110, 90, 90], 100]",
            "[[9000, 5000], 300]",
            "[[1, 2, 3], 4]",
            "[[109, 0], 100]",
            "[[400, 200, 0, 300], 210]",
            "[[0], 0]",
            "[[100, 99, 98, 97], 100]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/9",
        entry_point="parking_refund",
        prompt='''"""
Write a function to find the refund for a parking ticket: what was paid minus what is due. The first 15
minutes are free, after that each started hour of the whole stay costs 3, and no full or started day
(1440 minutes) costs more than 30. A negative refund is what is still owed.
assert parking_refund(10, 61) == 4
"""
''',
        canonical_solution="""\
def parking_refund(paid, minutes):
    if minutes <= 15:
        return paid
    full_days, rest = divmod(minutes, 1440)
    rest_hours = -(-rest // 60)
    rest_fee = rest_hours * 3
    if rest_fee > 30:
        rest_fee = 30
    return paid - full_days * 30 - rest_fee
""",
        inputs=(
            "[10, 61]",
            "[0, 15]",
            "[0, 16]",
            "[3, 60]",
            "[20, 600]",
            "[40, 660]",
            "[10, 1440]",
            "[33, 1441]",
            "[2000, 3000]",
            "[5, 4321]",
            "[500, 0]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/10",
        entry_point="signed_budget",
        prompt='''"""
Write a function to add up a budget line such as "rent:-900;pay:1200". Entries are separated by ";" and each
is a label, a ":" and a whole number that may have a sign. Labels that begin with "x" are skipped, and so are
entries without a ":".
assert signed_budget("rent:-900;pay:1200;xgift:50") == 300
"""
''',
        canonical_solution="""\
def signed_budget(line):
    total = 0
    for entry in line.split(";"):
        if ":" not in entry:
            continue
        label, amount = entry.split(":", 1)
        if label.startswith("x"):
            continue
        total += int(amount)
    return total
""",
        inputs=(
            "['rent:-900;pay:1200;xgift:50']",
            "['']",
            "['food:-30']",
            "['a:+4;b:3']",
            "['a:5;b:-5']",
            "['xa:5;bx:7;note']",
            "['pay:2500;tax:-400;rent:-850']",
            "['pay:75;;tax:-15']",
            "['debt:-1200;x:999;gift:200']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/11",
        entry_point="lift_energy",
        prompt='''"""
Write a function to compute the energy a lift uses for a list of floors visited in order, starting at floor
0. Going up costs 7 a floor, going down gives back 3 a floor, and every stop at a floor it already stands at
costs 1.
assert lift_energy([4, 1, 1]) == 20
"""
''',
        canonical_solution="""\
def lift_energy(floors):
    energy = 0
    current = 0
    for floor in floors:
        distance = floor - current
        if distance > 0:
            energy += 7 * distance
        elif distance < 0:
            energy += 3 * distance
        else:
            energy += 1
        current = floor
    return energy
""",
        inputs=(
            "[[4, 1, 1]]",
            "[[]]",
            "[[-2]]",
            "[[0]]",
            "[[-3, 0, -4]]",
            "[[1]]",
            "[[30, 0, 30]]",
            "[[200]]",
            "[[-7, -4]]",
            "[[5, -5, 5, -5]]",
            "[[-7, -4, -4]]",
            "[[2, 1]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/12",
        entry_point="reserve_margin",
        prompt='''"""
Write a function to find by how much the second highest of a list of bids beats a reserve price. With a
single bid that bid counts, and with none the answer is minus the reserve. Equal bids count separately.
assert reserve_margin([40, 70, 55], 50) == 5
"""
''',
        canonical_solution="""\
def reserve_margin(bids, reserve):
    if not bids:
        return -reserve
    if len(bids) == 1:
        return bids[0] - reserve
    highest = bids[0]
    second = None
    for bid in bids[1:]:
        if bid > highest:
            second = highest
            highest = bid
        elif second is None or bid > second:
            second = bid
    return second - reserve
""",
        inputs=(
            "[[40, 70, 55], 50]",
            "[[], 30]",
            "[[], 0]",
            "[[80], 80]",
            "[[80, 80], 75]",
            "[[10, 20, 15, 5], 90]",
            "[[3000, 4100, 2900], 500]",
            "[[5, 300, 260], 100]",
            "[[9, 8, 7], 8]",
            "[[1, 2, 3, 4], 2]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/13",
        entry_point="frog_points",
        prompt='''"""
Write a function to score a list of jump lengths. A jump longer than the previous one earns its length, a
shorter one loses the difference to the previous one times two, an equal one doubles all points so far. The
first jump is compared with 0.
assert frog_points([3, 5, 4]) == 6
"""
''',
        canonical_solution="""\
def frog_points(jumps):
    points = 0
    previous = 0
    for jump in jumps:
        if jump > previous:
            points += jump
        elif jump < previous:
            points -= 2 * (previous - jump)
        else:
            points *= 2
        previous = jump
    return points
""",
        inputs=(
            "[[3, 5, 4]]",
            "[[]]",
            "[[0]]",
            "[[6, 2]]",
            "[[6, 3]]",
            "[[4, 4, 4]]",
            "[[2, 9, 9, 8, 10]]",
            "[[300, 300, 300, 10, 900]]",
            "[[50, 60, 70, 1]]",
            "[[8, 0]]",
        ),
    ),
)
