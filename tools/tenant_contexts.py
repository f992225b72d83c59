"""A step of `make lint`: forbids the two ways into a schema that aren't safe across threads.

`with retailer:` pushes on one list for the whole process, and `@schema_context(…)` keeps its state
on the decorator: with four threads, 795 of 800 operations ran in the wrong schema. What works is
`with tenant_context(retailer):` or `with schema_context(name):` in the body.
"""

import ast
import sys
from pathlib import Path

FOLDERS = ("tenants", "forms_app", "integrations", "billing", "site", "bench")
CONTEXTS = {"schema_context", "tenant_context"}


def name(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def mistakes(source: str) -> list[tuple[int, str]]:
    """(line, what is wrong) of one file's text."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                if name(decorator) in CONTEXTS:
                    found.append((decorator.lineno, f"@{name(decorator)} as a decorator"))
        if isinstance(node, ast.With):
            for item in node.items:
                entered = item.context_expr
                if not isinstance(entered, ast.Call) and name(entered) in {"tenant", "retailer"}:
                    found.append((node.lineno, f"with {name(entered)}:"))
    return found


def main(root: Path) -> int:
    failed = 0
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*.py")):
            for line, what in mistakes(file.read_text(encoding="utf-8")):
                failed = 1
                print(f"{file.relative_to(root)}:{line}: {what} mixes up retailers across threads")
    return failed


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[1]))
