#!/usr/bin/env python3
"""Runs the steps of a Dockerfile without a container engine, and tries what came out.

Each stage gets a clean root, made by debootstrap, with the packages that its image is known to have. In it the steps
are run by chroot, as an engine would run them: FROM ... AS, ARG, ENV, WORKDIR, COPY (with --from, --chown, --chmod and
the context's .dockerignore), RUN in both forms, USER. What only an engine can do (VOLUME, EXPOSE, STOPSIGNAL, LABEL) is
noted. At the end the image's command is run in the last root as the image's user: `--version`, `help` and, where a
PostgreSQL is given, CMD itself until it is ready, with the HEALTHCHECK beside it.

What differs from an engine, and is therefore not tried: layers and their cache, namespaces and capabilities, a network
of one's own, the images' real contents. A Swift toolchain has to be given with --bind, because it is no Debian package.

Needs root (chroot, mounts), Debian's debootstrap and util-linux; nothing of the machine is in this file. Example:

    Scripts/try-dockerfile.py --bind build@TOOLCHAIN:/swift --env 'build@PATH=/swift/usr/bin:$PATH'

Everything runs in mount and process namespaces of its own, so no mount and no process outlives it, whatever happens;
its folder is deleted at the end, but stays when it is killed.
Exit status: 0 every step and trial succeeded, 1 one did not, 64 usage.
"""

import argparse
import glob
import json
import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Packages of the images beyond Debian's minimal system; the Swift image's as in swiftlang/swift-docker, debian/12.
# The version does not matter for them: whatever toolchain is bind-mounted is used.
IMAGES = {
    r"debian:bookworm(-slim)?": [],
    r"swift:6\.\d+(\.\d+)?-bookworm": [
        "binutils", "gcc", "git", "libcurl4-openssl-dev", "libedit-dev", "libicu-dev", "libncurses-dev",
        "libpython3-dev", "libsqlite3-dev", "libstdc++-12-dev", "libxml2-dev", "pkg-config", "tzdata", "uuid-dev",
    ],
}
# As Debian's images have it: what apt has used does not stay in a layer.
CLEAN = """\
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
"""
# What the -slim images leave out.
SLIM = ["usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man"]
NOTED = {"VOLUME", "EXPOSE", "STOPSIGNAL", "LABEL", "MAINTAINER"}
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
READY_SECONDS = 60
IN_NAMESPACE = "TRY_DOCKERFILE_IN_NAMESPACE"


class Failure(Exception):
    """A step or a trial that did not succeed."""


def say(text=""):
    print(text, flush=True)


# Reading


def instructions(text):
    """(line, word, rest) of each instruction; comments may stand between continued lines."""
    first, pending = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not line.strip() and not pending):
            continue
        if not pending:
            first = number
        if line.rstrip().endswith("\\"):
            pending += line.rstrip()[:-1]
            continue
        word, _, rest = (pending + line).strip().partition(" ")
        pending = ""
        if "<<" in rest:
            raise Failure(f"line {first}: here-documents are not supported")
        yield first, word.upper(), rest.strip()
    if pending:
        raise Failure(f"line {first}: the last line is continued")


def expanded(text, variables):
    """$NAME, ${NAME}, ${NAME:-default} and ${NAME:+other}, as in FROM, ENV, COPY, WORKDIR, USER."""

    def value(match):
        known = variables.get(match["plain"] or match["name"], "")
        if match["sign"] == "-":
            return known or match["rest"]
        if match["sign"] == "+":
            return match["rest"] if known else ""
        return known

    return re.sub(r"\$(?:(?P<plain>\w+)|\{(?P<name>\w+)(?::(?P<sign>[-+])(?P<rest>[^}]*))?\})", value, text)


def flags_and_rest(rest):
    flags = {}
    while rest.startswith("--"):
        flag, _, rest = rest.partition(" ")
        name, _, value = flag[2:].partition("=")
        flags[name] = value
        rest = rest.lstrip()
    return flags, rest


def exec_form(rest):
    """The words of an exec form, or None for a shell form."""
    if not rest.startswith("["):
        return None
    words = json.loads(rest)
    if not all(isinstance(word, str) for word in words):
        raise Failure(f"{rest} is no list of strings")
    return words


class Ignore:
    """.dockerignore: the last pattern that matches a path or a folder above it decides."""

    def __init__(self, context):
        path = context / ".dockerignore"
        self.patterns = []
        for line in path.read_text().splitlines() if path.exists() else []:
            line = line.strip()
            if line and not line.startswith("#"):
                self.patterns.append((line.startswith("!"), self.regex(line.lstrip("!").strip("/"))))

    @staticmethod
    def regex(pattern):
        signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
        parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
        return re.compile("".join(signs.get(part, re.escape(part)) for part in parts) + "(?:/.*)?$")

    def excludes(self, path):
        result = False
        for includes, pattern in self.patterns:
            if pattern.match(path):
                result = not includes
        return result


# Roots


class Stage:
    """One FROM: its root, and what its instructions have set so far."""

    def __init__(self, number, name, image, root):
        self.number, self.name, self.image, self.root = number, name, image, root
        self.environment = {"PATH": DEFAULT_PATH}
        self.arguments = {}
        self.directory, self.user = "/", "0:0"
        self.entrypoint, self.command, self.health = [], [], None

    def inherit(self, other):
        self.environment = dict(other.environment)
        self.directory, self.user = other.directory, other.user
        self.entrypoint, self.command, self.health = other.entrypoint, other.command, other.health

    @property
    def variables(self):
        return {**self.arguments, **self.environment}

    def host_path(self, inside_path):
        """Where a path of the stage lies outside. Links in it are followed as seen from inside."""
        wanted = os.path.normpath(os.path.join(self.directory, inside_path))
        resolved = self.root
        for part in Path(wanted).parts[1:]:
            candidate = resolved / part
            for _ in range(20):
                if not candidate.is_symlink():
                    break
                target = os.readlink(candidate)
                base = self.root if target.startswith("/") else candidate.parent
                candidate = Path(os.path.normpath(base / target.lstrip("/")))
            resolved = candidate
        if resolved != self.root and self.root not in resolved.parents:
            raise Failure(f"{inside_path} leads out of the root")
        return resolved

    def numbers(self, name, group=""):
        """Numbers of a user and a group as the stage's own files give them."""

        def entry(file, wanted):
            lines = [line.split(":") for line in (self.root / "etc" / file).read_text().splitlines()]
            return next((fields for fields in lines if wanted in (fields[0], fields[2])), None)

        user = entry("passwd", name)
        uid, gid = (user[2], user[3]) if user else (name, "0")
        if group:
            found = entry("group", group)
            gid = found[2] if found else group
        if not (uid.isdigit() and gid.isdigit()):
            raise Failure(f"there is no user {name}:{group}")
        return int(uid), int(gid)

    def inside(self, words, more=None):
        """What runs `words` in this root, as its user, in its folder, and with its variables alone."""
        environment = {**(more or {}), **self.environment}
        if "HOME" not in environment:
            lines = [line.split(":") for line in (self.root / "etc/passwd").read_text().splitlines()]
            uid = self.user.partition(":")[0]
            environment["HOME"] = next((fields[5] for fields in lines if fields[2] == uid), "/")
        return [
            "chroot", f"--userspec={self.user}", "--groups=", str(self.root), "/usr/bin/env", "-i",
            f"--chdir={self.directory}", *[f"{name}={value}" for name, value in environment.items()], *words,
        ]

    def output(self, *words):
        done = subprocess.run(self.inside(words), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.stdout.strip()


class Roots:
    """The folders of the stages and what is mounted in them."""

    def __init__(self, options):
        self.options = options
        self.base = Path(tempfile.mkdtemp(prefix="try-dockerfile-", dir=options.root_dir))
        # Others than root must be able to enter: the image's user does.
        self.base.chmod(0o755)
        self.mounted = []

    def run(self, *words, **more):
        status = subprocess.run([str(word) for word in words], **more).returncode
        if status != 0:
            raise Failure(f"{words[0]} ended with {status}")

    def mount(self, *words):
        self.run("mount", *words)
        self.mounted.append(Path(words[-1]))

    def debian(self):
        """A minimal bookworm, made once and copied for each stage."""
        root = self.base / "debian"
        if root.exists():
            return root
        say("   debootstrap: a minimal Debian bookworm")
        log = self.base / "debootstrap.log"
        with open(log, "wb") as output:
            words = ["debootstrap", "--variant=minbase", "bookworm", str(root)]
            if subprocess.run(words, stdout=output, stderr=subprocess.STDOUT).returncode != 0:
                raise Failure("debootstrap: " + log.read_text(errors="replace")[-2000:])
        # As Debian's images have it: packages start no services.
        policy = root / "usr/sbin/policy-rc.d"
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        for folder in ["var/cache/apt", "var/lib/apt/lists"]:
            shutil.rmtree(root / folder)
            (root / folder).mkdir()
        (root / "etc/apt/apt.conf.d/docker-clean").write_text(CLEAN)
        return root

    def copy(self, source, number):
        root = self.base / f"stage-{number}"
        self.run("cp", "-a", "--reflink=auto", source, root)
        return root

    def fresh(self, image, number):
        """A root for an image, and the packages that are still to be installed in it."""
        packages = next((known for pattern, known in IMAGES.items() if re.fullmatch(pattern, image)), None)
        if packages is None:
            raise Failure(f"it is not known what the image {image} holds")
        root = self.copy(self.debian(), number)
        if image.endswith("-slim"):
            lines = [f"path-exclude /{folder}/*" for folder in SLIM] + ["path-include /usr/share/doc/*/copyright"]
            (root / "etc/dpkg/dpkg.cfg.d/slim").write_text("\n".join(lines) + "\n")
            for folder in SLIM:
                for path in (root / folder).rglob("*"):
                    if path.name != "copyright" and (path.is_symlink() or not path.is_dir()):
                        path.unlink()
        return root, packages

    def furnish(self, stage):
        """/proc, and what the options give this stage."""
        self.mount("-t", "proc", "proc", stage.root / "proc")
        for source, target in self.options.paths(self.options.copy, stage):
            destination = stage.root / target.lstrip("/")
            destination.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, destination, symlinks=True, dirs_exist_ok=True)
            else:
                destination.unlink(missing_ok=True)
                shutil.copyfile(source, destination)
                destination.chmod(0o644)
        for source, target in self.options.paths(self.options.bind, stage):
            destination = stage.root / target.lstrip("/")
            if source.is_dir():
                destination.mkdir(parents=True, exist_ok=True)
            else:
                destination.parent.mkdir(parents=True, exist_ok=True)
                destination.touch()
            self.mount("--bind", source, destination)
            self.run("mount", "-o", "remount,bind,ro", destination)

    def unmount(self, below=None):
        for path in reversed(list(self.mounted)):
            if below is None or below in path.parents:
                if subprocess.run(["umount", str(path)]).returncode != 0:
                    subprocess.run(["umount", "--lazy", str(path)])
                self.mounted.remove(path)

    def remove(self):
        """Deletes the roots, unless something is still mounted below: that would delete what was lent."""
        self.unmount()
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        if any(mount.startswith(f"{self.base}/") for mount in mounts):
            say(f"something is still mounted below {self.base}: it is left as it is")
            return
        self.run("rm", "-rf", "--one-file-system", self.base)


# Running


class Build:
    """The instructions, one method each."""

    def __init__(self, options, roots):
        self.options, self.roots = options, roots
        self.context = Path(options.context).resolve()
        self.ignore = Ignore(self.context)
        self.stages, self.global_arguments = [], {}
        self.ran, self.noted = [], []

    @property
    def stage(self):
        if not self.stages:
            raise Failure("the first instruction is not FROM")
        return self.stages[-1]

    def run(self):
        for line, word, rest in instructions(Path(self.options.dockerfile).read_text()):
            say(f"\n== line {line}: {word} {rest}")
            if word in NOTED:
                self.noted.append(f"line {line}: {word} {rest}")
                say("   noted, for an engine")
                continue
            handler = getattr(self, "do_" + word.lower(), None)
            if handler is None:
                raise Failure(f"line {line}: {word} is not supported")
            started = time.monotonic()
            try:
                handler(rest)
            except Failure as failure:
                raise Failure(f"line {line}: {word}: {failure}") from failure
            seconds = time.monotonic() - started
            self.ran.append((line, word, seconds))
            if seconds >= 1:
                say(f"   took {seconds:.0f} s")
        return self.stage

    def do_arg(self, rest):
        name, equals, default = rest.partition("=")
        given = self.options.build_arg.get(name)
        known = self.stage.variables if self.stages else self.global_arguments
        value = given if given is not None else expanded(default.strip('"'), known)
        if not self.stages:
            self.global_arguments[name] = value
        elif given is not None or equals:
            self.stage.arguments[name] = value
        elif name in self.global_arguments:
            self.stage.arguments[name] = self.global_arguments[name]

    def do_from(self, rest):
        _, rest = flags_and_rest(rest)
        words = expanded(rest, self.global_arguments).split()
        image = words[0]
        name = words[2] if len(words) == 3 and words[1].upper() == "AS" else None
        earlier = next((stage for stage in self.stages if stage.name == image), None)
        if earlier:
            self.roots.unmount(earlier.root)
            root, packages = self.roots.copy(earlier.root, len(self.stages)), []
        else:
            root, packages = self.roots.fresh(image, len(self.stages))
        stage = Stage(len(self.stages), name, image, root)
        if earlier:
            stage.inherit(earlier)
        for value in self.options.of(self.options.env, stage):
            variable, _, content = value.partition("=")
            stage.environment[variable] = expanded(content, stage.environment)
        self.roots.furnish(stage)
        self.stages.append(stage)
        if packages:
            say(f"   the image's own packages: {' '.join(packages)}")
            self.do_run(
                "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "
                f"{' '.join(packages)} >/dev/null && rm -rf /var/lib/apt/lists/*")

    def do_env(self, rest):
        for assignment in shlex.split(expanded(rest, self.stage.variables)):
            name, equals, value = assignment.partition("=")
            if not equals:
                raise Failure("only NAME=VALUE is supported")
            self.stage.environment[name] = value

    def do_workdir(self, rest):
        stage = self.stage
        stage.directory = os.path.normpath(os.path.join(stage.directory, expanded(rest, stage.variables)))
        stage.host_path(stage.directory).mkdir(parents=True, exist_ok=True)

    def do_user(self, rest):
        name, _, group = expanded(rest, self.stage.variables).partition(":")
        self.stage.user = "{}:{}".format(*self.stage.numbers(name, group))

    def do_copy(self, rest):
        flags, rest = flags_and_rest(expanded(rest, self.stage.variables))
        unknown = set(flags) - {"from", "chown", "chmod"}
        if unknown:
            raise Failure(f"--{unknown.pop()} is not supported")
        stage = self.stage
        *sources, target = exec_form(rest) or shlex.split(rest)
        name, _, group = flags.get("chown", "0:0").partition(":")
        attributes = stage.numbers(name, group), int(flags["chmod"], 8) if "chmod" in flags else None
        origin, excludes = self.context, self.ignore.excludes
        if "from" in flags:
            other = next((one for one in self.stages if flags["from"] in (one.name, str(one.number))), None)
            if other is None:
                raise Failure(f"there is no stage {flags['from']}")
            origin, excludes = other.root, lambda path: False

        found = []
        for source in sources:
            matches = [Path(match) for match in sorted(glob.glob(str(origin / source.lstrip("/"))))]
            matches = [match for match in matches if match.is_dir() or not excludes(str(match.relative_to(origin)))]
            # As with an engine: a pattern may match nothing, as long as the instruction copies something.
            if not matches and not any(sign in source for sign in "*?["):
                raise Failure(f"there is no {source}")
            found += matches
        destination = stage.host_path(target)
        is_folder = target.endswith("/") or len(found) > 1 or destination.is_dir()
        count = 0
        for source in found:
            if source.is_dir() and not source.is_symlink():
                count += self.copy_folder(source, destination, origin, excludes, attributes)
            else:
                self.copy_file(source, destination / source.name if is_folder else destination, attributes)
                count += 1
        if count == 0:
            raise Failure("there is nothing to copy, or .dockerignore excludes all of it")
        say(f"   {count} files")

    def copy_folder(self, source, destination, origin, excludes, attributes):
        count = 0
        for folder, folders, files in os.walk(source):
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            for name in files + links:
                path = Path(folder) / name
                if not excludes(str(path.relative_to(origin))):
                    self.copy_file(path, destination / path.relative_to(source), attributes)
                    count += 1
        return count

    @staticmethod
    def copy_file(source, destination, attributes):
        owner, mode = attributes
        for parent in reversed([parent for parent in destination.parents if not parent.exists()]):
            parent.mkdir()
            os.chown(parent, *owner)
        shutil.copy2(source, destination, follow_symlinks=False)
        os.chown(destination, *owner, follow_symlinks=False)
        if mode is not None and not destination.is_symlink():
            destination.chmod(mode)

    def do_run(self, rest):
        flags, rest = flags_and_rest(rest)
        if flags:
            raise Failure("flags of RUN are not supported")
        words = exec_form(rest) or ["/bin/sh", "-c", rest]
        status = subprocess.run(
            self.stage.inside(words, self.stage.arguments), stdin=subprocess.DEVNULL).returncode
        if status != 0:
            raise Failure(f"ended with {status}")

    def do_entrypoint(self, rest):
        self.stage.entrypoint, self.stage.command = exec_form(rest) or ["/bin/sh", "-c", rest], []

    def do_cmd(self, rest):
        self.stage.command = exec_form(rest) or ["/bin/sh", "-c", rest]

    def do_healthcheck(self, rest):
        _, rest = flags_and_rest(rest)
        word, _, command = rest.partition(" ")
        command = command.strip()
        self.stage.health = None if word.upper() == "NONE" else exec_form(command) or ["/bin/sh", "-c", command]


# Trying


def trials(stage, options):
    """Runs what the image runs; gives (what, was it good) and goes on where something is not."""
    if not stage.entrypoint:
        raise Failure("the last stage has no ENTRYPOINT to try")
    results = []
    for word in ["--version", "help"]:
        words = stage.entrypoint + [word]
        done = subprocess.run(stage.inside(words), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        say(f"\n== {' '.join(words)}")
        say((done.stdout + done.stderr).rstrip())
        results.append((" ".join(words), done.returncode == 0 and bool(done.stdout.strip())))
    return results + (serve(stage, options) if options.database_url else [])


def serve(stage, options):
    command, health = list(stage.command), list(stage.health or [])
    if options.listen:
        # The machine's network is shared here, so the image's port may be taken.
        port, other = command[-1].rpartition(":")[2], options.listen.rpartition(":")[2]
        command[-1] = options.listen
        health = [word.replace(f":{port}/", f":{other}/") for word in health]
    words = stage.entrypoint + command
    say(f"\n== {' '.join(words)}")
    results = []
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            stage.inside(words, {"DOCKET_DATABASE_URL": options.database_url}), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=log)
        try:
            said, _, _ = select.select([process.stdout], [], [], READY_SECONDS)
            ready = process.stdout.readline().decode().strip() if said else ""
            say(f"   {ready or 'it said nothing'}")
            results.append((f"{' '.join(words)}, until ready", '"ready":true' in ready))
            if health:
                status = subprocess.run(stage.inside(health), stdin=subprocess.DEVNULL).returncode
                say(f"   {' '.join(health)}: status {status}")
                results.append(("HEALTHCHECK beside it", status == 0))
        finally:
            process.terminate()
            try:
                status = process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
        results.append((f"SIGTERM ends it, with status {status}", status == 0))
        if not all(was_good for _, was_good in results):
            log.seek(0)
            say(log.read().decode(errors="replace")[-4000:])
    return results


def megabytes(path):
    out = subprocess.run(["du", "-sx", "--block-size=1000000", str(path)], capture_output=True, text=True, check=True)
    return int(out.stdout.split()[0])


def report(build, roots, seconds, results):
    last = build.stage
    program = last.entrypoint[0]
    size = last.output("/bin/sh", "-c", f'stat -L -c %s "$(command -v {program})"')
    linked = last.output("/bin/sh", "-c", f'ldd "$(command -v {program})"')
    names = [line.split()[0] for line in linked.splitlines() if "=>" in line]
    # From here on nothing is mounted, so that what was lent is not counted.
    roots.unmount()
    say("\n== Result")
    say(f"   carried out: {len(build.ran)} instructions, in {seconds:.0f} s with the trials")
    for line, word, took in build.ran:
        if took >= 5:
            say(f"   {took:6.0f} s   line {line}: {word}")
    for note in build.noted:
        say(f"   not carried out, only an engine can: {note}")
    say(f"   {megabytes(roots.debian()):6} MB  the minimal Debian by debootstrap that every stage begins with")
    for stage in build.stages:
        lent = [target for _, target in roots.options.paths(roots.options.bind, stage)]
        say(f"   {megabytes(stage.root):6} MB  stage {stage.name or stage.number} ({stage.image})"
            + (f", without {', '.join(lent)}, which were lent to it" if lent else ""))
    say(f"   {int(size) / 1e6:6.1f} MB  {program}, linked with {', '.join(names)}")
    say(f"   runs as {last.user}: {' '.join(last.entrypoint + last.command)}")
    for what, was_good in results:
        say(f"   {'good' if was_good else 'BAD '}  {what}")
    if not roots.options.database_url:
        say("   not tried: the command itself, for want of --database-url")


# Options


class Options(argparse.Namespace):
    def of(self, pairs, stage):
        """Of [STAGE@]VALUE those for this stage; what names no stage is for all."""
        return [value for name, value in pairs if name in (None, stage.name, str(stage.number))]

    def paths(self, pairs, stage):
        for value in self.of(pairs, stage):
            source, _, target = value.partition(":")
            if not os.path.exists(source) or not target.startswith("/"):
                raise Failure(f"{value} is not SRC:DST with an SRC that exists")
            yield Path(source).resolve(), target


def staged(text):
    match = re.fullmatch(r"(?:([\w-]+)@)?(.+)", text)
    return match.group(1), match.group(2)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dockerfile", default="Dockerfile")
    parser.add_argument("--context", default=".")
    parser.add_argument("--root-dir", help="where the roots are made (several GB); default: the temporary folder")
    parser.add_argument("--keep", action="store_true", help="keep the roots, and say where")
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--bind", action="append", default=[], type=staged, metavar="[STAGE@]SRC:DST",
        help="lend a folder of this machine, read-only; STAGE@ here and below: to that stage only")
    parser.add_argument(
        "--copy", action="append", default=[], type=staged, metavar="[STAGE@]SRC:DST",
        help="put a file or folder of this machine there first: name resolution, package sources")
    parser.add_argument(
        "--env", action="append", default=[], type=staged, metavar="[STAGE@]NAME=VALUE",
        help="an environment variable that the stage's image would have; may use others, as $PATH")
    parser.add_argument("--database-url", help="a PostgreSQL reached by TCP: CMD is run against it until it is ready")
    parser.add_argument("--listen", help="ADDRESS:PORT in the place of CMD's last word, if that port is taken here")
    options = parser.parse_args(namespace=Options())
    options.build_arg = dict(value.split("=", 1) for value in options.build_arg)
    return options


def main():
    options = read_options()
    if os.geteuid() != 0:
        say("try-dockerfile.py needs root: it makes clean systems with debootstrap, mounts, and uses chroot.")
        return 64
    for tool in ["debootstrap", "unshare", "chroot"]:
        if shutil.which(tool) is None:
            say(f"try-dockerfile.py needs {tool} (Debian: apt-get install debootstrap util-linux coreutils).")
            return 64
    if IN_NAMESPACE not in os.environ:
        # Mounts and processes that are made from here on end with this program, however it ends.
        os.environ[IN_NAMESPACE] = "1"
        os.execvp("unshare", [
            "unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child",
            sys.executable, *sys.argv,
        ])

    started = time.monotonic()
    roots = Roots(options)
    build = Build(options, roots)
    good = False
    try:
        last = build.run()
        results = trials(last, options)
        report(build, roots, time.monotonic() - started, results)
        good = all(was_good for _, was_good in results)
    except Failure as failure:
        say(f"\nFAILED: {failure}")
    finally:
        if options.keep:
            roots.unmount()
            say(f"   kept: {roots.base}")
        else:
            roots.remove()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
