"""The file in which the inspector hands over what it found."""

import json


def write_facts(facts, path):
    """A byte that is no UTF-8, of a file's name, stands there as the escape of half of a surrogate pair, which JSON can spell."""
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(facts, file, ensure_ascii=False)
