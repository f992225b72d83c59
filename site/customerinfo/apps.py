from django.apps import AppConfig


class CustomerInfoConfig(AppConfig):
    name = "customerinfo"

    def ready(self) -> None:
        # Tasks that are declared with shared_task belong to this app. Here rather than in the
        # package's __init__, so that what doesn't need Celery (the demo's CRM) doesn't load it.
        from . import celery  # noqa: F401
        from .wagtail_widgets import without_inline_scripts

        without_inline_scripts()
