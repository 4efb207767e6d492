"""What a terminal leaves of a line that a program printed; host/terminal.ts does the same, test/vectors/terminalLines.json."""

import re

# Colours, titles, sets of characters, control characters; of what moves the cursor to the left, by how many columns.
ESCAPE = re.compile(
    r"\x1b(?:\[(?P<left>[0-9]{0,4})D|\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\r\n]{0,256}(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])"
    r"|[\x00-\x07\x0b\x0c\x0e-\x1f\x7f]"
)


def left_of(line):
    """The line without escape sequences, and without what backspaces have overwritten."""
    line = ESCAPE.sub(lambda match: "" if match["left"] is None else "\b" * int(match["left"] or 1), line)
    if "\b" not in line:
        return line
    shown, column = [], 0
    for character in line:
        if character == "\b":
            column = max(0, column - 1)
        else:
            shown[column : column + 1] = [character]
            column += 1
    return "".join(shown)
