"""The content of files of any size, for readers whose tools write files only."""

import os

BATCH = 64 * 2**20  # bytes of files that are copied at once


def pieces_of_copies(reader, tree, paths):
    """(path, pieces of its content) of copies in the reader's scratch folder; what cannot be copied is left out."""
    paths = list(paths)
    while paths:
        batch, room = [], BATCH
        while paths and len(batch) < 1000 and (not batch or tree[paths[-1]][3] <= room):
            batch.append(paths.pop())
            room -= tree[batch[-1]][3]
        targets = {path: os.path.join(reader.scratch, str(number)) for number, path in enumerate(batch)}
        reader.copy(tree, targets)
        for path, target in targets.items():
            if os.path.exists(target):
                with open(target, "rb") as file:
                    yield path, iter(lambda opened=file: opened.read(2**20), b"")
                os.unlink(target)
