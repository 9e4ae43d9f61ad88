"""Whole numbers read out of text, digits, bits or small programs.

What belongs here: problem data of this theme. What does not: code, and problems taken from a data set.
"""

from codelewm_assets.sources.sample.schema import StandInProblem

PROBLEMS: tuple[StandInProblem, ...] = (
    StandInProblem(
        task_id="StandIn/27",
        entry_point="signed_bits",
        prompt='''"""
Write a function to read a string of "0" and "1" as a two's complement number: the first bit counts negative,
the others count as usual. An empty string is 0.
assert signed_bits("101") == -3
"""
''',
        canonical_solution="""\
def signed_bits(bits):
    value = 0
    for position, bit in enumerate(bits):
        weight = 2 ** (len(bits) - 1 - position)
        if bit == "1":
            if position == 0:
                value -= weight
            else:
                value += weight
    return value
""",
        inputs=(
            "['101']",
            "['']",
            "['0']",
            "['1']",
            "['0111']",
            "['1000']",
            "['011111111111']",
            "['0100110']",
            "['11111111']",
            "['1000000000000']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/28",
        entry_point="negabinary_value",
        prompt='''"""
Write a function to find the value of a string of "0" and "1" read in base minus two; spaces between the
digits are ignored.
assert negabinary_value("110") == 2
"""
''',
        canonical_solution="""\
def negabinary_value(digits):
    value = 0
    for digit in digits:
        if digit == " ":
            continue
        value = value * -2
        if digit == "1":
            value += 1
    return value
""",
        inputs=(
            "['110']",
            "['']",
            "['1']",
            "['10']",
            "['1 1111']",
            "['11 0000 0000']",
            "['1 0001 0000 0000']",
            "['0000']",
            "['1010 1010 1010']",
            "['1 1010 0110']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/29",
        entry_point="balanced_ternary",
        prompt='''"""
Write a function to read a balanced ternary number written with "+", "0" and "-" for the digits 1, 0 and -1.
Reading stops at the first other character.
assert balanced_ternary("+-0") == 6
"""
''',
        canonical_solution="""\
def balanced_ternary(text):
    value = 0
    for symbol in text:
        if symbol == "+":
            digit = 1
        elif symbol == "-":
            digit = -1
        elif symbol == "0":
            digit = 0
        else:
            break
        value = 3 * value + digit
    return value
""",
        inputs=(
            "['+-0']",
            "['']",
            "['0']",
            "['-+']",
            "['++++']",
            "['+0000-00']",
            "['-0-+0++']",
            "['+-x+']",
            "['?++']",
            "['+0+-']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/30",
        entry_point="roman_gap",
        prompt='''"""
Write a function to subtract the second of two Roman numerals (capital letters, subtractive writing allowed)
from the first. An empty text is worth 0.
assert roman_gap("IX", "XIV") == -5
"""
''',
        canonical_solution="""\
def roman_gap(first, second):
    worth = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    totals = []
    for numeral in (first, second):
        total = 0
        previous = 0
        for letter in reversed(numeral):
            value = worth[letter]
            if value < previous:
                total -= value
            else:
                total += value
                previous = value
        totals.append(total)
    return totals[0] - totals[1]
""",
        inputs=(
            "['IX', 'XIV']",
            "['', '']",
            "['XL', 'XL']",
            "['VIII', 'III']",
            "['MMXXIV', 'D']",
            "['CD', 'XC']",
            "['I', 'MCMXCIX']",
            "['LXXX', '']",
            "['IV', 'VI']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/31",
        entry_point="register_machine",
        prompt='''"""
Write a function to run a list of instructions on one register that starts at 0: ("add", n), ("sub", n),
("mul", n) change it, and ("skipneg", n) leaves out the next n instructions when the register is below zero.
Return the register at the end.
assert register_machine([("sub", 4), ("skipneg", 1), ("add", 50), ("mul", 3)]) == -12
"""
''',
        canonical_solution="""\
def register_machine(program):
    register = 0
    position = 0
    while position < len(program):
        name, operand = program[position]
        if name == "add":
            register += operand
        elif name == "sub":
            register -= operand
        elif name == "mul":
            register *= operand
        elif name == "skipneg" and register < 0:
            position += operand
        position += 1
    return register
""",
        inputs=(
            "[[('sub', 4), ('skipneg', 1), ('add', 50), ('mul', 3)]]",
            "[[]]",
            "[[('skipneg', 1), ('add', 5)]]",
            "[[('add', 7), ('mul', 0), ('skipneg', 2), ('sub', 3)]]",
            "[[('sub', 1), ('skipneg', 2), ('add', 8), ('mul', 9)]]",
            "[[('add', 30), ('mul', 40), ('sub', 7)]]",
            "[[('add', 6), ('mul', 20), ('sub', 20)]]",
            "[[('sub', 9), ('mul', -9), ('skipneg', 1), ('add', 400)]]",
            "[[('sub', 2), ('add', 2)]]",
            "[[('sub', 5), ('skipneg', 0), ('add', 10)]]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/32",
        entry_point="postfix_result",
        prompt='''"""
Write a function to work out an expression in postfix notation whose tokens are separated by spaces: whole
numbers and the operators + - * and ~ (which changes the sign of the top value). An empty expression gives 0.
assert postfix_result("3 4 + 2 * ~") == -14
"""
''',
        canonical_solution="""\
def postfix_result(expression):
    stack = []
    for token in expression.split():
        if token == "~":
            stack.append(-stack.pop())
        elif token in ("+", "-", "*"):
            right = stack.pop()
            left = stack.pop()
            if token == "+":
                stack.append(left + right)
            elif token == "-":
                stack.append(left - right)
            else:
                stack.append(left * right)
        else:
            stack.append(int(token))
    return stack[-1] if stack else 0
""",
        inputs=(
            "['3 4 + 2 * ~']",
            "['']",
            "['7']",
            "['5 5 -']",
            "['2 9 -']",
            "['30 40 * 8 +']",
            "['6 ~ 7 * ~ 2 -']",
            "['1 2 3 * +']",
            "['100 4 * 8 8 * -']",
            "['0 ~']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/33",
        entry_point="letter_ledger",
        prompt='''"""
Write a function to score a word: each consonant earns its place in the alphabet (b is 2), each vowel
(a, e, i, o, u) loses twice its place, case does not matter and other characters count 0. A score above 100
is multiplied by 10.
assert letter_ledger("cab") == 3
"""
''',
        canonical_solution="""\
def letter_ledger(word):
    score = 0
    for letter in word.lower():
        if not "a" <= letter <= "z":
            continue
        place = ord(letter) - ord("a") + 1
        if letter in "aeiou":
            score -= 2 * place
        else:
            score += place
    if score > 100:
        score *= 10
    return score
""",
        inputs=(
            "['cab']",
            "['']",
            "['123!']",
            "['Adieu']",
            "['bat']",
            "['rhythms']",
            "['Sky-Fly']",
            "['Zoo']",
            "['A b']",
            "['zzzv']",
            "['ZZzw']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/34",
        entry_point="bracket_tension",
        prompt='''"""
Write a function to score a text of brackets: every "(" adds the depth it opens, every ")" subtracts twice
the depth it closes, and a ")" that closes nothing subtracts 10. Other characters are ignored.
assert bracket_tension("(()") == -1
"""
''',
        canonical_solution="""\
def bracket_tension(text):
    depth = 0
    tension = 0
    for symbol in text:
        if symbol == "(":
            depth += 1
            tension += depth
        elif symbol == ")":
            if depth > 0:
                tension -= 2 * depth
                depth -= 1
            else:
                tension -= 10
    return tension
""",
        inputs=(
            "['(()']",
            "['']",
            "['abc']",
            "['(((']",
            "[')(']",
            "['(a)']",
            "['(((()']",
            "['(((((((((((((((((((']",
            "['())']",
            "['(((((((((((((((((((((((((((((((((((((((((((((((']",
            "['(())']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/35",
        entry_point="clock_gap",
        prompt='''"""
Write a function to find the minutes from a first to a second moment, each written like "2d 07:30" (day
number, then hours and minutes). The answer is negative when the second moment comes first.
assert clock_gap("1d 23:50", "2d 00:05") == 15
"""
''',
        canonical_solution="""\
def clock_gap(first, second):
    minutes = []
    for moment in (first, second):
        day_text, clock = moment.split(" ")
        hour_text, minute_text = clock.split(":")
        days = int(day_text[:-1])
        total = days * 1440 + int(hour_text) * 60 + int(minute_text)
        minutes.append(total)
    return minutes[1] - minutes[0]
""",
        inputs=(
            "['1d 23:50', '2d 00:05']",
            "['0d 00:00', '0d 00:00']",
            "['1d 12:00', '1d 11:59']",
            "['3d 08:15', '3d 08:20']",
            "['0d 10:00', '2d 10:30']",
            "['2d 06:45', '1d 22:00']",
            "['10d 01:01', '10d 01:01']",
            "['4d 09:09', '4d 19:19']",
            "['9d 00:00', '0d 23:59']",
            "['5d 23:59', '7d 00:00']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/36",
        entry_point="run_weight",
        prompt='''"""
Write a function to score a text of "+" and "-" by its runs of equal signs: a run of length n counts n
squared, with its own sign.
assert run_weight("++-+++") == 12
"""
''',
        canonical_solution="""\
def run_weight(signs):
    total = 0
    run = 0
    previous = ""
    for sign in signs + " ":
        if sign == previous:
            run += 1
            continue
        if previous == "+":
            total += run * run
        elif previous == "-":
            total -= run * run
        previous = sign
        run = 1
    return total
""",
        inputs=(
            "['++-+++']",
            "['']",
            "['-']",
            "['++--']",
            "['+++-+']",
            "['--++--']",
            "['++++++++++++++++++++++++++++++++++']",
            "['-----------+']",
            "['+++++++++++++--+']",
            "['+-+-+']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/37",
        entry_point="hex_colour_gap",
        prompt='''"""
Write a function to compare two colours written like "#1aF03c": the sum of the red, green and blue values of
the first (each 0 to 255) minus that of the second, where green counts three times and blue is halved,
rounding down.
assert hex_colour_gap("#010101", "#000004") == 2
"""
''',
        canonical_solution="""\
def hex_colour_gap(first, second):
    weights = []
    for colour in (first, second):
        red = int(colour[1:3], 16)
        green = int(colour[3:5], 16)
        blue = int(colour[5:7], 16)
        weights.append(red + 3 * green + blue // 2)
    return weights[0] - weights[1]
""",
        inputs=(
            "['#010101', '#000004']",
            "['#000000', '#000000']",
            "['#ffffff', '#000000']",
            "['#000000', '#0a0b0c']",
            "['#1aF03c', '#1af03d']",
            "['#102030', '#101f30']",
            "['#003000', '#900000']",
            "['#a0ffb0', '#000102']",
            "['#000500', '#000a00']",
            "['#000003', '#000002']",
            "['#204060', '#101010']",
        ),
    ),
)
