"""The pipeline: its syntax, its jobs with their conditions, and one job really run."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from files import against
from outcome import Failed, Skipped, run
from programs import Programs

TEMPLATE = "lib/gitlab/ci/templates/Auto-DevOps.gitlab-ci.yml"
# Where gitlab-ci-local keeps what `include: template` fetched.
CACHED = Path("includes/gitlab.com/gitlab-org/gitlab/-/raw/HEAD") / TEMPLATE
# Beside the tree, not in it: a job that looks at every file must not find the tree twice.
STATE = ("--state-dir", "../state")
HERE = Path(__file__).resolve().parent

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
    counts = ", ".join(f"{branch} {count} jobs" for branch, count in seen.items())
    return f"{counts} (Auto DevOps' template: {template})"


def lint_job(root: Path, programs: Programs) -> str:
    """The lint job, really run by gitlab-ci-local in a copy."""
    if not (root / "Makefile").exists():
        raise Skipped("needs the Makefile")
    if not shutil.which("rsync"):
        raise Skipped("needs rsync, by which gitlab-ci-local copies (apt-get install rsync)")
    with checkout(root, programs) as (copy, _):
        # The job's own caches are GitLab's; here a second run should not download again.
        cache = programs.folder / "cache"
        variables = [f"UV_CACHE_DIR={cache / 'uv'}", f"PIP_CACHE_DIR={cache / 'pip'}"]
        done = run(
            [
                *(*programs.gitlab_ci_local(), *STATE, "lint"),
                *("--force-shell-executor", "--needs=false"),
                *(word for variable in variables for word in ("--variable", variable)),
            ],
            cwd=copy,
            env={"CI": "true"},
            timeout=900,
            check=False,
        )
        if done.returncode:
            lines = (done.stdout + done.stderr).splitlines()
            raise Failed("the lint job fails:\n" + "\n".join(lines[-30:]))
    return "passed"


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
