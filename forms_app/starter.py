"""What stands in a new retailer's schema: people's groups, the site, the brand, a first page."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.contrib.auth.models import Group, Permission
from wagtail.models import Collection, GroupCollectionPermission, GroupPagePermission, Page, Site

from .brand import Brand
from .page_templates import blocks_of
from .pages import HomePage, SignupPage

OWNERS, EDITORS, VIEWERS = "Owners", "Editors", "Viewers"

# (app, codename): everything that staff may do beside pages and pictures.
VIEW = [
    ("wagtailadmin", "access_admin"),
    ("forms_app", "view_signup"),
    ("forms_app", "view_store"),
    ("forms_app", "view_tablet"),
    ("integrations", "view_connection"),
]
EDIT = [
    *VIEW,
    ("forms_app", "change_brand"),
    ("forms_app", "change_signup"),
    ("forms_app", "add_store"),
    ("forms_app", "change_store"),
    ("forms_app", "add_tablet"),
    ("forms_app", "change_tablet"),
]
OWN = [
    *EDIT,
    ("forms_app", "delete_signup"),
    ("forms_app", "delete_store"),
    ("forms_app", "delete_tablet"),
    ("forms_app", "change_retention"),
    ("forms_app", "change_tabletsettings"),
    ("integrations", "add_connection"),
    ("integrations", "change_connection"),
    ("integrations", "delete_connection"),
    ("users", "add_user"),
    ("users", "change_user"),
    ("users", "delete_user"),
    ("users", "view_user"),
]
ROLES = {OWNERS: OWN, EDITORS: EDIT, VIEWERS: VIEW}
PAGES = ["add_page", "change_page", "publish_page", "bulk_delete_page"]
PICTURES = ["add_image", "change_image", "choose_image"]


@dataclass(frozen=True)
class Starter:
    """What the first page looks like. `brand` are values of forms_app.brand.Brand."""

    title: str = "Join the club"
    slug: str = "join"
    headline: str = "Join the club"
    intro: str = "News and treats now and then. No spam, ever."
    language: str = "en"
    submit_label: str = "Sign up"
    thank_you_title: str = "Thank you!"
    thank_you_text: str = ""
    brand: dict = field(default_factory=dict)
    fields: tuple[tuple[str, dict], ...] = (
        ("first_name", {}),
        ("last_name", {}),
        ("email", {}),
        ("birthday", {}),
        ("consent", {}),
    )


def build_starter(name: str, url: str, owner, starter: Starter) -> SignupPage:
    """Fill the schema that is active, which has just been made from the template.

    Call it in the transaction that makes the retailer.
    """
    home = make_site(name, url)
    make_groups(home)
    owner.groups.add(Group.objects.get(name=OWNERS))
    brand = Brand.load()
    for attribute, value in {"name": name, **starter.brand}.items():
        setattr(brand, attribute, value)
    brand.full_clean()
    brand.save()
    return make_page(home, starter, owner)


def make_site(name: str, url: str) -> HomePage:
    """Our home in the place of Wagtail's welcome page."""
    Site.objects.all().delete()
    for page in Page.objects.filter(depth=2):
        page.delete()
    root = Page.objects.get(depth=1)
    home = root.add_child(instance=HomePage(title="Sign-up pages", slug="home"))
    parts = urlsplit(url)
    Site.objects.create(
        hostname=parts.hostname,
        port=parts.port or (443 if parts.scheme == "https" else 80),
        site_name=name,
        root_page=home,
        is_default_site=True,
    )
    return home


def move_site(name: str, url: str) -> None:
    """The retailer has another address, or another name."""
    parts = urlsplit(url)
    site = Site.objects.get(is_default_site=True)
    site.hostname, site.site_name = parts.hostname, name
    site.port = parts.port or (443 if parts.scheme == "https" else 80)
    site.save()


def make_groups(home: HomePage) -> None:
    Group.objects.all().delete()  # Wagtail's own
    pictures = Collection.get_first_root_node()
    for group_name in ROLES:
        group = Group.objects.create(name=group_name)
        if group_name == VIEWERS:
            continue
        for codename in PAGES:
            GroupPagePermission.objects.create(
                group=group, page=home, permission=find_permission("wagtailcore", codename)
            )
        for codename in PICTURES:
            GroupCollectionPermission.objects.create(
                group=group,
                collection=pictures,
                permission=find_permission("wagtailimages", codename),
            )
    grant_permissions()


def grant_permissions(**kwargs) -> None:
    """Give each role what belongs to it; after a migration, what has come with that.

    Nothing is taken away, so a group may have more. Groups of the retailer's own are left alone.
    """
    if not (groups := Group.objects.filter(name__in=ROLES)):
        return
    names = {codename for _, codename in OWN}
    known = Permission.objects.filter(codename__in=names).select_related("content_type")
    permissions = {(p.content_type.app_label, p.codename): p for p in known}
    for group in groups:
        # Not all in the public schema: Wagtail has its own "Editors" there, and these apps are not.
        wanted = [one for one in ROLES[group.name] if one in permissions]
        group.permissions.add(*(permissions[one] for one in wanted))


def find_permission(app_label: str, codename: str) -> Permission:
    return Permission.objects.get(content_type__app_label=app_label, codename=codename)


def make_page(home: HomePage, starter: Starter, owner) -> SignupPage:
    """A published first page; publishing writes its form version."""
    page = SignupPage(
        title=starter.title,
        slug=starter.slug,
        headline=starter.headline,
        intro=starter.intro,
        language=starter.language,
        submit_label=starter.submit_label,
        thank_you_title=starter.thank_you_title,
        thank_you_text=starter.thank_you_text,
    )
    # What a value doesn't say gets the block's default.
    page.fields = SignupPage.fields.field.stream_block.to_python(blocks_of(starter))
    home.add_child(instance=page)
    page.save_revision(user=owner).publish(user=owner)
    return page
