"""Which addresses a new retailer can have, said in words that help to find another one."""

from django.conf import settings
from django.core.exceptions import ValidationError

from .models import Domain, Retailer, slug_validator

# Hosts that are, or may become, the operator's own.
RESERVED = frozenset(
    "about abuse account accounts admin administrator api app apps assets auth autoconfig "
    "autodiscover backup beta billing blog cdn checkout community console contact customerinfo "
    "dashboard demo dev developer docs email files ftp gateway git health help host hostmaster "
    "imap info internal kubernetes legal localhost login mail marketing media metrics mx news ns "
    "ns1 ns2 ns3 ns4 oauth ops pay payment payments pop postmaster pricing privacy proxy register "
    "root sales secure security shop signup smtp sso staff staging static stats status store "
    "stripe support system team terms test trial webhook webhooks webmaster wpad www".split()
)

# What the eye takes for the same: m and rn, l and 1 and i, o and 0.
ALIKE = (("rn", "m"), ("vv", "w"))
LETTERS = str.maketrans({"0": "o", "1": "l", "i": "l", "3": "e", "5": "s", "8": "b", "-": None})


def skeleton(slug: str) -> str:
    """The same for addresses that look alike."""
    plain = slug.translate(LETTERS)
    for two, one in ALIKE:
        plain = plain.replace(two, one)
    return plain


RESERVED_SHAPES = {skeleton(word): word for word in RESERVED}


def check_address(slug: str, own: Retailer | None = None) -> None:
    """Raises `ValidationError` if nobody can live there; `own` is who moves, if somebody does."""
    if slug.startswith("xn--"):
        raise ValidationError(
            {"slug": "Addresses have plain letters only: write it without accents."}
        )
    try:
        slug_validator(slug)
    except ValidationError as error:
        raise ValidationError({"slug": error.messages}) from error
    host = f"{slug}.{settings.BASE_HOST}"
    if slug in RESERVED or host == settings.OPERATOR_HOST:
        raise ValidationError({"slug": f"{slug} is reserved. Try it with your town behind it."})
    if word := RESERVED_SHAPES.get(skeleton(slug)):
        raise ValidationError({"slug": f"{slug} looks too much like {word}, which is reserved."})
    others = Domain.objects.all() if own is None else Domain.objects.exclude(tenant=own)
    if others.filter(domain=host).exists():
        raise ValidationError({"slug": f"{slug} is an address that another retailer has."})
    wanted, suffix = skeleton(slug), f".{settings.BASE_HOST}"
    for domain in others.filter(domain__endswith=suffix).values_list("domain", flat=True):
        if skeleton(domain.removesuffix(suffix)) == wanted:
            raise ValidationError(
                {"slug": f"{slug} looks too much like another retailer's address."}
            )
