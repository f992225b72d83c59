"""The pipeline: its syntax, its jobs with their conditions, and two jobs really run."""

import json
import os
import re
import shutil
import tempfile
import xml.etree.ElementTree as xml
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml
from files import against
from outcome import Failed, Skipped, run
from programs import Programs
from running import services

TEMPLATE = "lib/gitlab/ci/templates/Auto-DevOps.gitlab-ci.yml"
# Where gitlab-ci-local keeps what `include: template` fetched.
CACHED = Path("includes/gitlab.com/gitlab-org/gitlab/-/raw/HEAD") / TEMPLATE
# Beside the tree, not in it: a job that looks at every file must not find the tree twice.
STATE = ("--state-dir", "../state")
HERE = Path(__file__).resolve().parent
ALONE = ".gitlab-ci-one-job.yml"

# On the default branch: name -> when.
DEFAULT_BRANCH = {
    "lint": "on_success",
    "tests": "on_success",
    "check-deploy": "on_success",
    "staging": "on_success",
    "canary": "manual",
    "production_manual": "manual",
}
TOPIC_BRANCH = {
    "lint": "on_success",
    "tests": "on_success",
    "check-deploy": "on_success",
    "review": "on_success",
}


def schema(root: Path, programs: Programs) -> str:
    """.gitlab-ci.yml against GitLab's schema."""
    path = root / ".gitlab-ci.yml"
    against(programs, "vendor.gitlab-ci", path, "--data-transform", "gitlab-ci")
    return ".gitlab-ci.yml fits GitLab's schema"


def pipeline(root: Path, programs: Programs) -> str:
    """The template and our jobs put together: which job runs where, and when."""
    seen = {}
    with checkout(root, programs) as (copy, template):
        for branch, wanted in (("main", DEFAULT_BRANCH), ("topic", TOPIC_BRANCH)):
            run(["git", "checkout", "--quiet", "-B", branch], cwd=copy)
            jobs = {job["name"]: job for job in listed(copy, programs)}
            for name, when in wanted.items():
                if name not in jobs:
                    raise Failed(f"{branch}: no job {name} (there are {sorted(jobs)})")
                if jobs[name]["when"] != when:
                    raise Failed(f"{branch}: {name} runs {jobs[name]['when']}, not {when}")
            running = {name for name, job in jobs.items() if job["when"] != "never"}
            for name in {"test", "production"} & running:
                raise Failed(f"{branch}: {name} would run by itself")
            seen[branch] = len(running)
        review = job_called("review", copy, programs)["variables"]
        # A variable without a scope leads it to production's.
        if "backup.enabled=false" not in review["HELM_UPGRADE_EXTRA_ARGS"]:
            raise Failed("review: would write backups")
        if "timeout" not in job_called("staging", copy, programs):
            raise Failed("staging: would be killed after an hour, when Helm still waits")
    counts = ", ".join(f"{branch} {count} jobs" for branch, count in seen.items())
    return f"{counts} (Auto DevOps' template: {template})"


def lint_job(root: Path, programs: Programs) -> str:
    """The lint job, really run by gitlab-ci-local in a copy."""
    with really_run("lint", root, programs):
        return "passed"


def tests_job(root: Path, programs: Programs) -> str:
    """The tests job, likewise: a part of the suite (all with FULL=1), and the reports it leaves."""
    whole = os.environ.get("FULL") == "1"
    with services(programs) as found:
        variables = {
            "DATABASE_URL": f"postgres://postgres@/postgres?host={found['socket']}&port=5432",
            "REDIS_URL": f"redis://127.0.0.1:{found['redis']}/0",
            "TESTS": "" if whole else " ".join(PART),
        }
        with really_run("tests", root, programs, variables) as (copy, output):
            cases, covered, lines = reports(copy / "reports")
            pattern = job_called("tests", copy, programs)["coverage"]
    told = covered_by(pattern, output)
    if told is None:
        raise Failed(f"GitLab finds no coverage by {pattern} in:\n{output[-2000:]}")
    return (
        f"{'the whole suite' if whole else 'a part (FULL=1: all)'}: {cases} tests in JUnit's form, "
        f"Cobertura's with {lines} lines, of which {covered:.1%} ran; GitLab reads {told} %"
    )


# Fast ones with both retailers in the database, and live ones with a process of their own.
PART = ("tenants/tests/test_routing.py", "site/customerinfo/demo/tests/test_guardian.py")


def reports(folder: Path) -> tuple[int, float, int]:
    """Tests in the JUnit files of both runs; share and number of lines in Cobertura's."""
    files = sorted(folder.glob("junit-*.xml"))
    if len(files) != 2:
        raise Failed(f"two runs of pytest have left {len(files)} JUnit files")
    counts = [len(list(xml.parse(file).getroot().iter("testcase"))) for file in files]
    if 0 in counts:
        raise Failed("a JUnit file holds no test")
    if not (folder / "coverage.xml").exists():
        raise Failed("there is no Cobertura report")
    found = xml.parse(folder / "coverage.xml").getroot()
    return sum(counts), float(found.get("line-rate", 0)), int(found.get("lines-valid", 0))


def covered_by(pattern: str, output: str) -> str | None:
    """What GitLab takes for the coverage: of the last line that fits, the first group."""
    # GitLab's RE2 and Python agree on what such patterns use.
    found = re.findall(pattern.strip("/"), output, re.MULTILINE)
    return found[-1] if found else None


@contextmanager
def really_run(
    job: str, root: Path, programs: Programs, variables: Mapping[str, str] | None = None
) -> Iterator[tuple[Path, str]]:
    """The copy in which the job has run, and what it has written."""
    if not shutil.which("rsync"):
        raise Skipped("needs rsync, by which gitlab-ci-local copies (apt-get install rsync)")
    # The job's own caches are GitLab's; here a second run should not download again.
    cache = programs.folder / "cache"
    given = {"UV_CACHE_DIR": cache / "uv", "PIP_CACHE_DIR": cache / "pip", **(variables or {})}
    with checkout(root, programs) as (copy, _):
        # gitlab-ci-local starts services by Docker alone; here they are there already.
        alone = job_called(job, copy, programs) | {"services": []}
        (copy / ALONE).write_text(json.dumps({"stages": [alone["stage"]], job: alone}))
        done = run(
            [
                *(*programs.gitlab_ci_local(), *STATE, "--file", ALONE, job),
                *("--force-shell-executor", "--needs=false"),
                *(word for name in given for word in ("--variable", f"{name}={given[name]}")),
            ],
            cwd=copy,
            env={"CI": "true"},
            timeout=7200,
            check=False,
        )
        # Each line has the job's name and a sign in front, and colours.
        lines = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr).splitlines()
        if done.returncode:
            raise Failed(f"the {job} job fails:\n" + "\n".join(lines[-30:]))
        yield copy, "\n".join(line.partition(" > ")[2] for line in lines)


def job_called(name: str, copy: Path, programs: Programs) -> dict:
    """The job with everything it extends."""
    done = run([*programs.gitlab_ci_local(), *STATE, "--preview"], cwd=copy)
    return yaml.safe_load(done.stdout)[name]


def listed(copy: Path, programs: Programs) -> list[dict]:
    done = run([*programs.gitlab_ci_local(), *STATE, "--list-json"], cwd=copy)
    return json.loads("[" + done.stdout.partition("[")[2])


@contextmanager
def checkout(root: Path, programs: Programs) -> Iterator[tuple[Path, str]]:
    """A copy as a clone on GitLab would be, and where Auto DevOps' template came from."""
    with tempfile.TemporaryDirectory(prefix="check-deploy-") as name:
        copy = Path(name) / "tree"
        copy.mkdir()
        copy_tree(root, copy)
        for command in (
            ["init", "--quiet", "--initial-branch", "main"],
            ["remote", "add", "origin", "git@gitlab.com:shop/customerinfo.git"],
            ["add", "--all"],
            ["-c", "user.name=check", "-c", "user.email=check@example.com"]
            + ["commit", "--quiet", "--no-verify", "--message", "check"],
            # What a clone has, and gitlab-ci-local asks for the default branch.
            ["update-ref", "refs/remotes/origin/main", "HEAD"],
            ["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"],
        ):
            run(["git", *command], cwd=copy)
        yield copy, fetch_template(copy, programs)


def copy_tree(root: Path, target: Path) -> None:
    """What git would take: tracked and new files, nothing that is ignored."""
    if (root / ".git").exists():
        listing = run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root
        )
        for name in filter(None, listing.stdout.split("\0")):
            if (root / name).is_file():  # a tracked file may have been deleted
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, target / name)
        return
    ignored = shutil.ignore_patterns(".venv*", ".tools", "var", "__pycache__", ".git")
    shutil.copytree(root, target, ignore=ignored, dirs_exist_ok=True)


def fetch_template(copy: Path, programs: Programs) -> str:
    """Leave GitLab's template in gitlab-ci-local's cache, or its stand-in when out of reach."""
    command = [*programs.gitlab_ci_local(), *STATE, "--list"]
    done = run(command, cwd=copy, timeout=120, check=False)
    if "could not be fetched" not in done.stdout + done.stderr:
        return "GitLab's own"
    cached = copy.parent / "state" / CACHED
    cached.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "stand_ins/Auto-DevOps.gitlab-ci.yml", cached)
    return "a stand-in, GitLab can't be reached"
