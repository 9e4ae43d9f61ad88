"""Problems answered with a dictionary: tallying, inverting, folding and parsing.

What belongs here: problem data of this theme. What does not: code, and problems taken from a data set.
"""

from codelewm_assets.sources.sample.schema import StandInProblem

PROBLEMS: tuple[StandInProblem, ...] = (
    StandInProblem(
        task_id="StandIn/96",
        entry_point="letter_spans",
        prompt='''"""
Write a function to find for every letter that occurs at least twice in a text the distance between its first
and its last place. Upper and lower case are different letters; spaces are not letters.
assert letter_spans("abcab") == {"a": 3, "b": 3}
"""
''',
        canonical_solution="""\
def letter_spans(text):
    first_place = {}
    spans = {}
    for place, letter in enumerate(text):
        if letter == " ":
            continue
        if letter in first_place:
            spans[letter] = place - first_place[letter]
        else:
            first_place[letter] = place
    return spans
""",
        inputs=(
            "['abcab']",
            "['']",
            "['abc']",
            "['a  a']",
            "['aAaA']",
            "['mississippi']",
            "['noon moon']",
            "['zz']",
            "['never odd or even']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/97",
        entry_point="settle_debts",
        prompt='''"""
Write a function to net a list of payments (payer, receiver, amount) into a dictionary from person to balance,
received minus paid. People whose balance is zero are left out.
assert settle_debts([("a", "b", 5), ("b", "c", 5)]) == {"a": -5, "c": 5}
"""
''',
        canonical_solution="""\
def settle_debts(payments):
    balances = {}
    for payer, receiver, amount in payments:
        balances[payer] = balances.get(payer, 0) - amount
        balances[receiver] = balances.get(receiver, 0) + amount
    settled = {}
    for person in sorted(balances):
        if balances[person] != 0:
            settled[person] = balances[person]
    return settled
""",
        inputs=(
            "[[('a', 'b', 5), ('b', 'c', 5)]]",
            "[[]]",
            "[[('a', 'a', 9)]]",
            "[[('a', 'b', 4), ('b', 'a', 4)]]",
            "[[('x', 'y', 10), ('x', 'z', 3)]]",
            "[[('p', 'q', 7), ('q', 'r', 2), ('r', 'p', 1)]]",
            "[[('m', 'n', 0), ('n', 'o', 1)]]",
            "[[('ann', 'bob', 120), ('bob', 'ann', 100), ('cid', 'bob', 15)]]",
            "[[('u', 'v', -3)]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/98",
        entry_point="parse_settings",
        prompt='''"""
Write a function to read settings such as "size=3;name=box;on" into a dictionary: whole numbers, which may be
negative, become numbers, other values stay text, a name alone becomes True, and a later setting wins over an
earlier one. Empty parts are skipped.
assert parse_settings("size=3;name=box;on") == {"size": 3, "name": "box", "on": True}
"""
''',
        canonical_solution="""\
def parse_settings(text):
    settings = {}
    for part in text.split(";"):
        part = part.strip()
        if not part:
            continue
        if "=" not in part:
            settings[part] = True
            continue
        name, value = part.split("=", 1)
        digits = value[1:] if value.startswith("-") else value
        if digits.isdigit():
            settings[name] = int(value)
        else:
            settings[name] = value
    return settings
""",
        inputs=(
            "['size=3;name=box;on']",
            "['']",
            "['a=1;a=2']",
            "['x=-7; y=- ;z=--4']",
            "['flag']",
            "['k=v=w;n=007']",
            "[';;p=;q=0;']",
            "['dark; dark=no']",
            "['w=12px;h=12']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/99",
        entry_point="length_groups",
        prompt='''"""
Write a function to group words by their length, keeping their order and leaving out words that came before,
as a dictionary from length to list of words.
assert length_groups(["to", "be", "or", "not", "to"]) == {2: ["to", "be", "or"], 3: ["not"]}
"""
''',
        canonical_solution="""\
def length_groups(words):
    groups = {}
    for word in words:
        group = groups.setdefault(len(word), [])
        if word not in group:
            group.append(word)
    return groups
""",
        inputs=(
            "[['to', 'be', 'or', 'not', 'to']]",
            "[[]]",
            "[['']]",
            "[['a', 'a', 'a']]",
            "[['red', 'Red', 'blue']]",
            "[['x', 'yy', 'zzz', 'yy']]",
            "[['four', 'five', 'six', 'ten', 'nine']]",
            "[['', 'b', '']]",
            "[['kiwi', 'fig', 'pear', 'fig']]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/100",
        entry_point="stock_after_orders",
        prompt='''"""
Write a function to take orders (item, count) from a stock dictionary, one after the other. An order that
cannot be filled as a whole is refused and changes nothing; an item that reaches zero is dropped. Return the
stock that is left.
assert stock_after_orders({"cup": 3}, [("cup", 4), ("cup", 2)]) == {"cup": 1}
"""
''',
        canonical_solution="""\
def stock_after_orders(stock, orders):
    left = dict(stock)
    for item, count in orders:
        available = left.get(item, 0)
        if count > available:
            continue
        remaining = available - count
        if remaining == 0:
            left.pop(item, None)
        else:
            left[item] = remaining
    return left
""",
        inputs=(
            "[{'cup': 3}, [('cup', 4), ('cup', 2)]]",
            "[{}, []]",
            "[{'a': 9, 'b': 4}, [('a', 9), ('b', 1), ('b', 5)]]",
            "[{'jar': 2}, [('jar', 1), ('lid', 1)]]",
            "[{'jar': 2}, [('jar', 1), ('jar', 1), ('jar', 1)]]",
            "[{'a': 5, 'b': 1}, [('b', 1), ('a', 3), ('a', 3)]]",
            "[{'pin': 10}, [('pin', 11), ('pin', 10)]]",
            "[{'x': 4, 'y': 4}, []]",
            "[{'ink': 7, 'pad': 2}, [('pad', 0), ('ink', 6)]]",
            "[{}, [('jar', 0)]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/101",
        entry_point="score_bands",
        prompt='''"""
Write a function to count scores by band: "high" from 80 on, "middle" from 50 to below 80, "low" from 0 to
below 50 and "invalid" for negative scores. Bands without scores are left out.
assert score_bands([80, 79, 12, 95]) == {"high": 2, "middle": 1, "low": 1}
"""
''',
        canonical_solution="""\
def score_bands(scores):
    counts = {}
    for score in scores:
        if score < 0:
            band = "invalid"
        elif score < 50:
            band = "low"
        elif score < 80:
            band = "middle"
        else:
            band = "high"
        counts[band] = counts.get(band, 0) + 1
    return counts
""",
        inputs=(
            "[[80, 79, 12, 95]]",
            "[[]]",
            "[[0]]",
            "[[50, 49]]",
            "[[-1, -1, 0, 1]]",
            "[[100, 81, 80, 79]]",
            "[[50, 50, 51, 79]]",
            "[[-20, 30, 60, 90]]",
            "[[49, 48, 80]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/102",
        entry_point="polynomial_product",
        prompt='''"""
Write a function to multiply two polynomials given as dictionaries from exponent to coefficient and to return
their product in the same form, without terms whose coefficient is zero.
assert polynomial_product({1: 1, 0: 2}, {1: 1, 0: -2}) == {2: 1, 0: -4}
"""
''',
        canonical_solution="""\
def polynomial_product(first, second):
    product = {}
    for left_power, left_factor in first.items():
        for right_power, right_factor in second.items():
            power = left_power + right_power
            product[power] = product.get(power, 0) + left_factor * right_factor
    kept = {}
    for power in sorted(product, reverse=True):
        if product[power] != 0:
            kept[power] = product[power]
    return kept
""",
        inputs=(
            "[{1: 1, 0: 2}, {1: 1, 0: -2}]",
            "[{}, {3: 4}]",
            "[{0: 5}, {0: 3}]",
            "[{2: 1}, {3: -2}]",
            "[{1: 1, 0: 1}, {1: 1, 0: 1}]",
            "[{2: 1, 1: 1, 0: 1}, {1: 1, 0: -1}]",
            "[{5: 0}, {1: 7}]",
            "[{1: 3, 4: -1}, {0: 10, 2: 2}]",
            "[{-1: 2}, {1: 6, -1: 1}]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/103",
        entry_point="follow_links",
        prompt='''"""
Write a function to find for each key of a dictionary where it ends up when its value is looked up as a key
again and again until a value is no key. A key whose chain comes back to a key it has visited is left out.
assert follow_links({"a": "b", "b": "c"}) == {"a": "c", "b": "c"}
"""
''',
        canonical_solution="""\
def follow_links(links):
    ends = {}
    for key in links:
        visited = [key]
        current = links[key]
        while current in links and current not in visited:
            visited.append(current)
            current = links[current]
        if current not in links:
            ends[key] = current
    return ends
""",
        inputs=(
            "[{'a': 'b', 'b': 'c'}]",
            "[{}]",
            "[{'a': 'a'}]",
            "[{'a': 'b', 'b': 'a', 'c': 'd'}]",
            "[{1: 2, 2: 3, 3: 4}]",
            "[{'x': 'y', 'z': 'y', 'y': 'w'}]",
            "[{'p': 'q', 'q': 'r', 'r': 'q'}]",
            "[{5: 0, 7: 5, 9: 7, 0: 1}]",
            "[{'m': 'n', 'o': 'o', 'k': 'o'}]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/104",
        entry_point="weekday_hours",
        prompt='''"""
Write a function to add up worked hours by weekday from entries (day number, start hour, end hour). Day 0 is
a "Mon", the week has seven days, and an end not after the start means the next day, all hours counting for
the day of the start.
assert weekday_hours([(0, 9, 12), (7, 22, 2)]) == {"Mon": 7}
"""
''',
        canonical_solution="""\
def weekday_hours(entries):
    names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    totals = {}
    for day, start, end in entries:
        hours = end - start
        if hours <= 0:
            hours += 24
        name = names[day % 7]
        totals[name] = totals.get(name, 0) + hours
    return totals
""",
        inputs=(
            "[[(0, 9, 12), (7, 22, 2)]]",
            "[[]]",
            "[[(6, 8, 8)]]",
            "[[(3, 0, 1)]]",
            "[[(1, 23, 0), (2, 10, 16)]]",
            "[[(-1, 7, 15), (13, 9, 10)]]",
            "[[(4, 18, 6), (5, 6, 18), (11, 12, 13)]]",
            "[[(100, 1, 5), (101, 5, 1)]]",
            "[[(8, 9, 17), (15, 9, 17), (22, 9, 17)]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/105",
        entry_point="invert_roster",
        prompt='''"""
Write a function to turn a dictionary from person to list of duties into one from duty to the sorted list of
its persons. A duty listed twice for one person counts once.
assert invert_roster({"bo": ["wash"], "al": ["wash", "cook"]}) == {"wash": ["al", "bo"], "cook": ["al"]}
"""
''',
        canonical_solution="""\
def invert_roster(roster):
    persons = {}
    for person in sorted(roster):
        for duty in roster[person]:
            listed = persons.setdefault(duty, [])
            if person not in listed:
                listed.append(person)
    return persons
""",
        inputs=(
            "[{'bo': ['wash'], 'al': ['wash', 'cook']}]",
            "[{}]",
            "[{'al': []}]",
            "[{'al': ['x', 'x']}]",
            "[{'c': ['p', 'q'], 'b': ['q'], 'a': ['p', 'r']}]",
            "[{'z': ['m'], 'y': ['m'], 'x': ['m']}]",
            "[{'kim': ['drive', 'cook', 'drive'], 'joe': ['cook']}]",
            "[{'d': ['w'], 'e': []}]",
            "[{'n': ['b', 'a'], 'm': ['a', 'b']}]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/106",
        entry_point="word_followers",
        prompt='''"""
Write a function to find for each word of a text, in lower case, the word that follows it most often; of
equally frequent ones the one that followed first. The last word of the text only counts as a follower there.
assert word_followers("a b a c a b") == {"a": "b", "b": "a", "c": "a"}
"""
''',
        canonical_solution="""\
def word_followers(text):
    words = text.lower().split()
    counts = {}
    for index in range(len(words) - 1):
        followers = counts.setdefault(words[index], {})
        following = words[index + 1]
        followers[following] = followers.get(following, 0) + 1
    favourites = {}
    for word, followers in counts.items():
        best = None
        for following, count in followers.items():
            if best is None or count > followers[best]:
                best = following
        favourites[word] = best
    return favourites
""",
        inputs=(
            "['a b a c a b']",
            "['']",
            "['alone']",
            "['x x']",
            "['no yes no maybe']",
            "['The cat the dog THE dog']",
            "['one two three one three one three']",
            "['p q p q r p r']",
            "['left right left right right']",
        ),
    ),
)
