"""Static files as they are served: named after their content, compressed, and the tablet's small.

What a shopper's tablet loads is written to be read, with comments; collecting it takes these and
the spaces away. Its modules name each other by their hashed names, so that a browser may keep each
for ever and never mixes two releases.
"""

import rcssmin
import rjsmin
from django.core.files.base import ContentFile, File
from whitenoise.storage import CompressedManifestStaticFilesStorage

FOLDER = "forms_app/"


def smaller(name: str, text: str) -> str:
    """The same script or stylesheet in fewer signs; `name` ends in .js or .css."""
    return rjsmin.jsmin(text) if name.endswith(".js") else rcssmin.cssmin(text)


class StaticFiles(CompressedManifestStaticFilesStorage):
    # Django's own rules for imports, but only where all modules are ours: others' name files that
    # aren't there.
    patterns = CompressedManifestStaticFilesStorage.patterns + (
        (
            f"{FOLDER}*.js",
            CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1],
        ),
    )

    def _save(self, name: str, content: File) -> str:
        # Hashed copies are saved here, too; made small a second time they stay the same.
        if name.startswith(FOLDER) and name.endswith((".js", ".css")):
            text = b"".join(content.chunks()).decode()  # from the start, whoever has read in it
            content = ContentFile(smaller(name, text).encode())
        return super()._save(name, content)
