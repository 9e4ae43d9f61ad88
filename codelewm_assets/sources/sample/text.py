"""Text in, text out: coding, laying out and rewriting strings.

What belongs here: problem data of this theme. What does not: code, and problems taken from a data set.
"""

from codelewm_assets.sources.sample.schema import StandInProblem

PROBLEMS: tuple[StandInProblem, ...] = (
    StandInProblem(
        task_id="StandIn/65",
        entry_point="vowel_rotation",
        prompt='''"""
Write a function to replace every vowel of a text by the next one in the order a, e, i, o, u, with u going
back to a. Capitals stay capitals and everything else is kept.
assert vowel_rotation("Audio!") == "Eadou!"
"""
''',
        canonical_solution="""\
def vowel_rotation(text):
    vowels = "aeiou"
    result = ""
    for letter in text:
        place = vowels.find(letter.lower())
        if place < 0:
            result += letter
            continue
        following = vowels[(place + 1) % 5]
        if letter.isupper():
            following = following.upper()
        result += following
    return result
""",
        inputs=(
            "['Audio!']",
            "['']",
            "['rhythm']",
            "['UNDO']",
            "['banana']",
            "['I am']",
            "['Queue 12']",
            "['ooOO']",
            "['xyz']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/66",
        entry_point="squeeze_runs",
        prompt='''"""
Write a function to shorten every run of three or more equal characters of a text to the character, followed
by the length of the run in square brackets. Shorter runs stay as they are.
assert squeeze_runs("aaabcc") == "a[3]bcc"
"""
''',
        canonical_solution="""\
def squeeze_runs(text):
    result = ""
    start = 0
    while start < len(text):
        end = start
        while end < len(text) and text[end] == text[start]:
            end += 1
        length = end - start
        if length >= 3:
            result += text[start] + "[" + str(length) + "]"
        else:
            result += text[start:end]
        start = end
    return result
""",
        inputs=(
            "['aaabcc']",
            "['']",
            "['xx']",
            "['zzz']",
            "['aabbaabb']",
            "['hellooooo']",
            "['   1']",
            "['abcccccccccccc']",
            "['AAAaaaA']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/67",
        entry_point="expand_ranges",
        prompt='''"""
Write a function to write out a page list such as "3,5-8" as "3 5 6 7 8". Parts are separated by commas, a
part with a dash runs from its first to its last number and counts down when the first is larger; empty parts
are skipped.
assert expand_ranges("3,5-8") == "3 5 6 7 8"
"""
''',
        canonical_solution="""\
def expand_ranges(pages):
    written = []
    for part in pages.split(","):
        if not part:
            continue
        if "-" not in part:
            written.append(part)
            continue
        first_text, last_text = part.split("-")
        first = int(first_text)
        last = int(last_text)
        step = 1 if first <= last else -1
        for page in range(first, last + step, step):
            written.append(str(page))
    return " ".join(written)
""",
        inputs=(
            "['3,5-8']",
            "['']",
            "['7']",
            "['4-4']",
            "['9-6,1']",
            "['1-3,,10-12']",
            "['2,2,1-2']",
            "['0-1']",
            "['100,98-101']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/68",
        entry_point="masked_account",
        prompt='''"""
Write a function to hide an account number: every digit but the last four is replaced by "*", characters that
are not digits stay where they are. With four digits or fewer nothing is hidden.
assert masked_account("12-345 67") == "**-*45 67"
"""
''',
        canonical_solution="""\
def masked_account(number):
    digit_count = 0
    for symbol in number:
        if symbol.isdigit():
            digit_count += 1
    to_hide = digit_count - 4
    masked = ""
    for symbol in number:
        if symbol.isdigit() and to_hide > 0:
            masked += "*"
            to_hide -= 1
        else:
            masked += symbol
    return masked
""",
        inputs=(
            "['12-345 67']",
            "['']",
            "['1234']",
            "['12345']",
            "['no digits']",
            "['4000 1234 5678 9010']",
            "['A1B2C3D4E5F6']",
            "['99']",
            "['0-0-0-0-0']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/69",
        entry_point="rail_read",
        prompt='''"""
Write a function to write a text letter by letter in a zigzag over the given number of rows (down, then up
again, and so on) and to read it off row by row. With one row the text stays as it is.
assert rail_read("planet", 3) == "pelnta"
"""
''',
        canonical_solution="""\
def rail_read(text, rows):
    if rows <= 1:
        return text
    lines = [""] * rows
    row = 0
    step = 1
    for letter in text:
        lines[row] += letter
        if row == 0:
            step = 1
        elif row == rows - 1:
            step = -1
        row += step
    return "".join(lines)
""",
        inputs=(
            "['planet', 3]",
            "['', 3]",
            "['solo', 1]",
            "['abcdef', 2]",
            "['abcdefghij', 4]",
            "['ab', 5]",
            "['aabbcc', 3]",
            "['the quick fox', 3]",
            "['xyz', 2]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/70",
        entry_point="title_initials",
        prompt='''"""
Write a function to shorten a full name: every word but the last becomes its first letter as a capital with a
dot, the last word is kept with a capital first letter, all joined by spaces. The words "van", "de" and "of"
are kept in lower case, unless last.
assert title_initials("ada de lovelace") == "A. de Lovelace"
"""
''',
        canonical_solution="""\
def title_initials(name):
    small_words = ("van", "de", "of")
    words = name.split()
    shortened = []
    for index, word in enumerate(words):
        if index == len(words) - 1:
            shortened.append(word[0].upper() + word[1:])
        elif word.lower() in small_words:
            shortened.append(word.lower())
        else:
            shortened.append(word[0].upper() + ".")
    return " ".join(shortened)
""",
        inputs=(
            "['ada de lovelace']",
            "['']",
            "['plato']",
            "['jan VAN der meer']",
            "['mary ann evans']",
            "['  anne   Of cleves ']",
            "['de van of']",
            "['grace B. hopper']",
            "['x y z']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/71",
        entry_point="caesar_by_position",
        prompt='''"""
Write a function to shift each lower case letter of a text forward in the alphabet by its own index in the
text times a key, going round from z to a. Other characters stay but are counted by the index.
assert caesar_by_position("abc", 1) == "ace"
"""
''',
        canonical_solution="""\
def caesar_by_position(text, key):
    shifted = []
    for index, letter in enumerate(text):
        if "a" <= letter <= "z":
            place = ord(letter) - ord("a")
            place = (place + index * key) % 26
            shifted.append(chr(ord("a") + place))
        else:
            shifted.append(letter)
    return "".join(shifted)
""",
        inputs=(
            "['abc', 1]",
            "['', 4]",
            "['zzz', 1]",
            "['hello', 0]",
            "['hello', -1]",
            "['a B c', 2]",
            "['Python', 13]",
            "['aaaa', 26]",
            "['n0 way', 5]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/72",
        entry_point="minutes_in_words",
        prompt='''"""
Write a function to write a duration in minutes as text such as "1 day 2 hours 5 minutes". Parts that are
zero are left out, a part of one is written without the "s", nothing at all is "no time", and a negative
duration is written like the positive one with "minus " in front.
assert minutes_in_words(65) == "1 hour 5 minutes"
"""
''',
        canonical_solution="""\
def minutes_in_words(minutes):
    rest = abs(minutes)
    parts = []
    for name, size in (("day", 1440), ("hour", 60), ("minute", 1)):
        count = rest // size
        rest -= count * size
        if count == 1:
            parts.append("1 " + name)
        elif count > 1:
            parts.append(str(count) + " " + name + "s")
    if not parts:
        return "no time"
    text = " ".join(parts)
    if minutes < 0:
        text = "minus " + text
    return text
""",
        inputs=(
            "[65]",
            "[0]",
            "[1]",
            "[60]",
            "[1440]",
            "[1439]",
            "[-61]",
            "[2885]",
            "[-1440]",
            "[120]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/73",
        entry_point="bracket_repair",
        prompt='''"""
Write a function to repair a text of round brackets with as few insertions as possible: a ")" without partner
gets a "(" right before it, and every "(" still open at the end gets a ")" at the end. Other characters stay.
assert bracket_repair("a)(") == "a()()"
"""
''',
        canonical_solution="""\
def bracket_repair(text):
    repaired = ""
    depth = 0
    for symbol in text:
        if symbol == "(":
            depth += 1
        elif symbol == ")":
            if depth == 0:
                repaired += "("
            else:
                depth -= 1
        repaired += symbol
    return repaired + ")" * depth
""",
        inputs=(
            "['a)(']",
            "['']",
            "['()']",
            "['))']",
            "['(((']",
            "['x(y)z']",
            "['(()']",
            "['())(()']",
            "['no brackets']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/74",
        entry_point="column_layout",
        prompt='''"""
Write a function to lay words out in lines of at most width characters: words are separated by one space and
a new line ("\\n") is begun when the next word would not fit. A word longer than the width stands alone.
assert column_layout("one two three", 7) == "one two\\nthree"
"""
''',
        canonical_solution="""\
def column_layout(text, width):
    lines = []
    current = ""
    for word in text.split():
        if not current:
            current = word
        elif len(current) + 1 + len(word) <= width:
            current += " " + word
        else:
            lines.append(current)
            current = word
    if current:
        lines.append(current)
    return "\\n".join(lines)
""",
        inputs=(
            "['one two three', 7]",
            "['', 5]",
            "['a b c d', 3]",
            "['a b c d', 1]",
            "['extraordinary day', 5]",
            "['to be or not to be', 8]",
            "['to be or not to be', 9]",
            "['  spaced   out  ', 20]",
            "['aa bbb cc', 6]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/75",
        entry_point="longest_plateau",
        prompt='''"""
Write a function to find the longest stretch of a text in which the letters, compared as characters, never
go down. The first of equally long stretches is returned.
assert longest_plateau("bacde") == "acde"
"""
''',
        canonical_solution="""\
def longest_plateau(text):
    best = ""
    current = ""
    for letter in text:
        if current and letter < current[-1]:
            current = ""
        current += letter
        if len(current) > len(best):
            best = current
    return best
""",
        inputs=(
            "['bacde']",
            "['']",
            "['zyx']",
            "['aab']",
            "['abcabd']",
            "['hello there']",
            "['Zebra']",
            "['13524689']",
            "['ccbbaaaa']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/76",
        entry_point="template_fill",
        prompt='''"""
Write a function to fill a template: each name in braces is replaced by its value from a dictionary, a name
that is missing there becomes "?". A "{" that is never closed is kept, with the rest of the text as it is.
assert template_fill("Hi {who}, {x}", {"who": "Bo"}) == "Hi Bo, ?"
"""
''',
        canonical_solution="""\
def template_fill(template, values):
    filled = ""
    position = 0
    while position < len(template):
        opening = template.find("{", position)
        if opening < 0:
            break
        closing = template.find("}", opening)
        if closing < 0:
            break
        name = template[opening + 1 : closing]
        filled += template[position:opening]
        filled += str(values.get(name, "?"))
        position = closing + 1
    return filled + template[position:]
""",
        inputs=(
            "['Hi {who}, {x}', {'who': 'Bo'}]",
            "['', {}]",
            "['plain', {'plain': 'no'}]",
            "['{a}{b}{a}', {'a': 1, 'b': 22}]",
            "['open {a and', {'a': 3}]",
            "['}{a}{', {'a': 'z'}]",
            "['{}', {'': 'empty'}]",
            "['{n} item(s) at {p}', {'n': 3, 'p': -2}]",
            "['x{y}', {'y': ''}]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/77",
        entry_point="alternate_case_words",
        prompt='''"""
Write a function to rewrite a sentence: words of an even number of letters are reversed, words of an odd
number get a capital middle letter. Words are separated by single spaces.
assert alternate_case_words("the cart") == "tHe trac"
"""
''',
        canonical_solution="""\
def alternate_case_words(sentence):
    rewritten = []
    for word in sentence.split(" "):
        size = len(word)
        if size % 2 == 0:
            rewritten.append(word[::-1])
        else:
            middle = size // 2
            rewritten.append(word[:middle] + word[middle].upper() + word[middle + 1 :])
    return " ".join(rewritten)
""",
        inputs=(
            "['the cart']",
            "['']",
            "['a']",
            "['ab cd']",
            "['level noon']",
            "['one  two']",
            "['mixed lengths here now']",
            "['x yy zzz wwww']",
            "['ABBA queen']",
        ),
    ),
    StandInProblem(
        task_id="StandIn/78",
        entry_point="base_text",
        prompt='''"""
Write a function to write a whole number in a base from 2 to 16 with the digits 0-9 and a-f. Negative numbers
have a "-" in front, and a result longer than four digits gets a "_" before every fourth digit counted from
the right, but never at the front.
assert base_text(37, 2) == "10_0101"
"""
''',
        canonical_solution="""\
def base_text(number, base):
    digits = "0123456789abcdef"
    rest = abs(number)
    text = digits[rest % base]
    count = 1
    rest //= base
    while rest > 0:
        if count % 4 == 0:
            text = "_" + text
        text = digits[rest % base] + text
        count += 1
        rest //= base
    if number < 0:
        text = "-" + text
    return text
""",
        inputs=(
            "[37, 2]",
            "[0, 2]",
            "[255, 16]",
            "[-255, 2]",
            "[15, 2]",
            "[16, 2]",
            "[123456789, 10]",
            "[-8, 8]",
            "[65535, 16]",
            "[65536, 16]",
            "[-1, 7]",
        ),
    ),
    StandInProblem(
        task_id="StandIn/79",
        entry_point="merge_letters",
        prompt='''"""
Write a function to merge two texts by always taking the smaller of their two next characters, from the first
text when they are equal; what remains of one text is added at the end.
assert merge_letters("ace", "bd") == "abcde"
"""
''',
        canonical_solution="""\
def merge_letters(first, second):
    merged = ""
    left = 0
    right = 0
    while left < len(first) and right < len(second):
        if first[left] <= second[right]:
            merged += first[left]
            left += 1
        else:
            merged += second[right]
            right += 1
    return merged + first[left:] + second[right:]
""",
        inputs=(
            "['ace', 'bd']",
            "['', '']",
            "['', 'xy']",
            "['hello', '']",
            "['ca', 'b']",
            "['zebra', 'apple']",
            "['aab', 'ab']",
            "['Tom', 'anna']",
            "['135', '2468']",
        ),
    ),
)
