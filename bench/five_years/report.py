"""What is printed at the end."""

from pathlib import Path

from . import looks, tables
from .life import Life

LEAST = 64  # rows and kilobytes below which a table isn't listed


def lines(life: Life, folder: Path) -> list[str]:
    schemas = [shop.schema for shop in life.staying]
    found = tables.measured(schemas)
    told = [
        "",
        f"{'table':<32}{'rows of the largest':>20}{'of all':>10}{'MB':>8}  bounded by",
        *(row(table) for table in found if table.rows >= LEAST or table.kilobytes >= 1000),
        "",
        f"sign-ups taken in        {sum(shop.signed_up for shop in life.shops):,}",
        f"tasks done               {life.worker.done:,}",
        f"database                 {looks.database_megabytes():,.0f} MB",
        f"backups kept             {looks.megabytes_of(folder / 'backups'):,.1f} MB, "
        f"the last of all took {life.backup_seconds:.1f} s",
        f"files                    {looks.megabytes_of(folder / 'media'):,.1f} MB",
        f"the sandbox CRM's        {looks.megabytes_of(folder / 'crm'):,.1f} MB",
        f"memory of this process   {looks.memory_megabytes():,.0f} MB",
        f"a sweep                  {1000 * looks.sweep_seconds():,.0f} ms",
    ]
    return told


def row(table: tables.Table) -> str:
    words = table.bound.words if table.bound else "?"
    return (
        f"{table.name:<32}{table.rows:>20,}{table.all_rows:>10,}"
        f"{table.kilobytes / 1024:>8.1f}  {words}"
    )


def pages(found: list[looks.Look]) -> list[str]:
    """Those that take most first."""
    ordered = sorted(found, key=lambda look: -look.cpu)
    return [
        f"{look.what:<32}{1000 * look.cpu:>7,.0f} ms of CPU{1000 * look.clock:>7,.0f} ms"
        f"{look.queries:>4} queries, the slowest{1000 * look.slowest_query:>6,.0f} ms"
        f"{len(look.content) / 1000:>8,.0f} kB"
        for look in ordered
    ]
