"""What each table of records promises: columns, types, values, keys and references, judged by Great Expectations.

`suites` says what is expected, `validation` turns a validation into a Finding, `pages` into Data Docs. Rules about what the
data mean are plain functions in preflight/. great_expectations takes seconds to import: inside functions only.
"""
