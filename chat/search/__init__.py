"""Search through titles and messages: what is found is what contains the words.

`passages` keeps the texts in step, a moment behind the writers; `find` asks the
database's index (`sqlite`, `postgresql`) and reads the texts again, so the indexes
may say too much but never decide; `snippets` shows where.
"""
