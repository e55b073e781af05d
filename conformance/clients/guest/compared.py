"""compared.py: holds the tree to what workers of `faults.py` have told: all that they were answered is there, as they wrote it, and nothing else."""
import glob
import os

from checks import check, content, finish

CONTROL = os.environ['NFS2_CONTROL']


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def expected(told):
    """Names and contents after these steps, and how many lines the journal has."""
    files, directories, links, lines = {}, set(), {}, 0
    for line in read(told).decode().splitlines():
        _, _, what, *words = line.split(' ')
        if what == 'mkdir':
            directories.add(words[0])
        elif what == 'line':
            lines += 1
        elif what == 'put':
            files[words[0]] = (int(words[1]), int(words[2]))
        elif what == 'move':
            files[words[1]] = files.pop(words[0])
        elif what == 'remove':
            del files[words[0]]
        elif what == 'link':
            links[words[0]] = words[1]
    return files, directories, links, lines


def listed(home):
    return sorted(os.path.relpath(os.path.join(top, name), home) for top, ds, fs in os.walk(home) for name in [*ds, *fs])


for told in sorted(glob.glob(CONTROL + '/told-*')):
    name = os.path.basename(told)[len('told-'):]
    files, directories, links, lines = expected(told)
    want = sorted([*files, *directories, *links, 'journal'])
    have = listed(name)
    check('%s: %d names, all that were made and no others' % (name, len(want)), have == want, sorted(set(have) ^ set(want))[:10])
    wrong = [path for path, (number, size) in sorted(files.items()) if path in have and read(name + '/' + path) != content(number, size)]
    check('%s: %d files are as they were written' % (name, len(files)), not wrong, wrong[:10])
    wrong = [path for path, to in links.items() if os.readlink(name + '/' + path) != to]
    check('%s: %d symbolic links' % (name, len(links)), not wrong, wrong)
    journal = read(name + '/journal').splitlines()
    numbers = [int(line.split(b' ')[0]) for line in journal]
    check('%s: each of %d lines of the journal once, in order' % (name, lines), numbers == list(range(lines)), (len(numbers), lines))
finish()
