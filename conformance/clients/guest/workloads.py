"""workloads.py REPOSITORY TARBALL: a git clone and a tar onto the mount, by the programs themselves."""
import hashlib
import os
import subprocess
import sys
import tarfile

from checks import check, drop_caches, finish

repository, tarball = sys.argv[1:3]
os.mkdir('workloads')
os.chdir('workloads')
os.environ.update(HOME='/tmp', GIT_CONFIG_NOSYSTEM='1', GIT_AUTHOR_NAME='m', GIT_AUTHOR_EMAIL='m@m', GIT_COMMITTER_NAME='m',
                  GIT_COMMITTER_EMAIL='m@m', GIT_CONFIG_COUNT='1', GIT_CONFIG_KEY_0='safe.directory', GIT_CONFIG_VALUE_0='*')


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode == 0, (done.stdout + done.stderr)[-500:]


def git_part():
    good, said = run('git', 'clone', '-q', '--no-hardlinks', repository, 'clone')
    if not check('git clone', good, said):
        return
    drop_caches()
    good, said = run('git', '-C', 'clone', 'fsck', '--strict')
    check('git fsck of the clone', good, said)
    good, said = run('git', '-C', 'clone', 'status', '--porcelain')
    check('git status: nothing is changed', good and said == '', said)
    with open('clone/added', 'w') as f:
        f.write('added')
    good, said = run('git', '-C', 'clone', 'add', '-A')
    check('git add', good, said)
    good, said = run('git', '-C', 'clone', 'commit', '-q', '-m', 'added')
    check('git commit', good, said)


def tar_part():
    os.mkdir('tar')
    good, said = run('tar', '-xf', tarball, '-C', 'tar')
    if not check('tar extracts', good, said):
        return
    drop_caches()
    wrong = []
    with tarfile.open(tarball) as archive:
        for member in archive:
            if not member.isfile():
                continue
            there = 'tar/' + member.name
            with open(there, 'rb') as f:
                same = hashlib.sha256(f.read()).digest() == hashlib.sha256(archive.extractfile(member).read()).digest()
            stats = os.stat(there)
            if not same or stats.st_mode & 0o777 != member.mode or int(stats.st_mtime) != int(member.mtime):
                wrong.append(member.name)
    check('what it extracted has the contents, modes and times of the archive', not wrong, wrong[:5])
    good, said = run('tar', '-cf', 'again.tar', '-C', 'tar', '.')
    check('tar packs it again', good, said)
    good, said = run('tar', '-df', 'again.tar', '-C', 'tar')
    check('tar finds no difference', good, said)


git_part()
tar_part()
finish()
