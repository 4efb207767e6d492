"""How the readers of file systems go through all folders."""

import stat

from disk_reading import ReadError

DEEPEST = 2048  # folders inside of each other: more do not fit into a path of 4096 bytes


def walk(tool, root, list_folders):
    """{path: (mode, uid, gid, bytes)} and {path: inode} of everything below the inode `root`, one level of folders at a time.

    `list_folders` yields (path, inode, (mode, uid, gid, bytes)) of what folders [(path, inode)] hold, by the tool of that name.
    """
    found, inodes = {}, {}
    level = [("", root)]
    seen = {root}  # a damaged file system may have a folder inside of itself
    for _ in range(DEEPEST):
        below = []
        for path, inode, facts in list_folders(level):
            found[path], inodes[path] = facts, inode
            if stat.S_ISDIR(facts[0]):
                if inode in seen:
                    raise ReadError(f"the folder {path} is in two places")
                seen.add(inode)
                below.append((path, inode))
        if not found:
            raise ReadError(f"{tool} cannot read the root folder")
        if not below:
            return found, inodes
        level = below
    raise ReadError(f"its folders are more than {DEEPEST} deep")
