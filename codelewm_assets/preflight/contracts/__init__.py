"""Data contracts of tables: columns, types, values, keys and references, validated by Great Expectations.

`suites` defines the expectations, `validation` turns a result into a Finding, `pages` into Data Docs. Semantic rules are plain
functions in preflight/. great_expectations takes seconds to import: inside functions only.
"""
