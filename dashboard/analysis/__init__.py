"""What the reports mean: tables to tables, each topic in a file of its own.

Functions take a `History` and return an Ibis table, so that the same expressions run on DuckDB
here and on a cluster elsewhere. Days are UTC, weeks begin on Monday, shares lie in 0–1.
"""
