"""What must happen when a page is published, or something that it shows changes."""

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from wagtail.images import get_image_model
from wagtail.models import Site
from wagtail.signals import page_published, page_slug_changed, page_unpublished, post_page_move

from . import page_cache
from .brand import Brand
from .pages import HomePage, SignupPage
from .shop_settings import TabletSettings
from .stores import Store
from .versions import write_version


@receiver(page_published, sender=SignupPage)
def keep_version(instance: SignupPage, **kwargs) -> None:
    # As it was stored: blocks that were made in code get their ids on the way to the database.
    write_version(SignupPage.objects.get(pk=instance.pk), Brand.load())
    page_cache.forget()


@receiver(page_published, sender=HomePage)
@receiver(page_unpublished)
@receiver(page_slug_changed)
@receiver(post_page_move)
@receiver([post_save, post_delete], sender=Brand)
@receiver([post_save, post_delete], sender=Site)
@receiver([post_save, post_delete], sender=TabletSettings)
@receiver([post_save, post_delete], sender=Store)
@receiver(post_delete, sender=SignupPage)
def forget_pages(**kwargs) -> None:
    page_cache.forget()


@receiver(post_save, sender=Brand)
@receiver([post_save, post_delete], sender=Store)
def keep_versions(**kwargs) -> None:
    """The brand's country says how numbers without a prefix are read, the stores are answers to
    choose from: a page that shows them has a new version, if that makes a difference to it."""
    brand = Brand.load()
    for page in SignupPage.objects.live():
        if page.versions.exists():
            write_version(page, brand)


@receiver([post_save, post_delete])
def forget_pages_with_image(sender, **kwargs) -> None:
    if sender is get_image_model():
        page_cache.forget()
