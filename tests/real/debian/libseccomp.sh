#!bash
# libseccomp's filters: rules on calls and arguments, white list, trap, several filters over execve
cat > filter.py <<'END'
import errno, os, sys
import seccomp
from seccomp import SyscallFilter, ALLOW, ERRNO, KILL_PROCESS, TRAP, LOG, Arg, EQ, NE, GE, MASKED_EQ

def trial(name, body):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            body()
        except OSError as error:
            print(name, 'failed', errno.errorcode[error.errno])
        sys.stdout.flush()
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    print(name, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 'ended')

def load(default, *rules):
    f = SyscallFilter(default)
    for rule in rules:
        f.add_rule(*rule)
    f.load()
    return f

def status(word):
    return [line.split()[1] for line in open('/proc/self/status') if line.startswith(word + ':')][0]

def denied():
    load(ALLOW, (ERRNO(errno.EXDEV), 'mkdir'), (ERRNO(errno.EXDEV), 'mkdirat'))
    print(status('Seccomp'), status('NoNewPrivs'), status('Seccomp_filters'))
    os.mkdir('/tmp/never')

def by_argument():
    load(ALLOW, (ERRNO(errno.EDOM), 'lseek', Arg(2, EQ, 2)), (ERRNO(errno.ERANGE), 'kill', Arg(1, GE, 30)), (ERRNO(errno.EBUSY), 'fcntl', Arg(1, MASKED_EQ, 0x400, 0x400)))
    fd = os.open('/etc/passwd', os.O_RDONLY)
    print(os.lseek(fd, 5, 0))
    os.kill(os.getpid(), 0)
    for call in (lambda: os.lseek(fd, 0, 2), lambda: os.kill(os.getpid(), 40)):
        try:
            call()
        except OSError as error:
            print(errno.errorcode[error.errno])

def whitelist():
    f = SyscallFilter(KILL_PROCESS)
    for name in ('read', 'write', 'exit_group', 'brk', 'mmap', 'munmap', 'rt_sigaction', 'rt_sigreturn', 'futex', 'fstat', 'newfstatat', 'lseek', 'close', 'getpid'):
        f.add_rule(ALLOW, name)
    f.load()
    print('alive')
    sys.stdout.flush()
    os.getppid()

def trap():
    load(ALLOW, (TRAP, 'getppid'))
    os.getppid()

def nested():
    load(ALLOW, (ERRNO(errno.EDOM), 'getppid'))
    load(ALLOW, (ERRNO(errno.ERANGE), 'mkdir'), (ERRNO(errno.ERANGE), 'mkdirat'))
    os.execvp('sh', ['sh', '-c', 'mkdir /tmp/never2; grep Seccomp_filters /proc/self/status'])

for name, body in list(globals().items()):
    if callable(body) and name in ('denied', 'by_argument', 'whitelist', 'trap', 'nested'):
        trial(name, body)
END
python3 filter.py
