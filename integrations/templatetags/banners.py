"""What must be seen wherever one is in the admin: {% banners %} on top of every page."""

from django import template

from integrations.banners import banners_for

register = template.Library()


@register.inclusion_tag("integrations/banners.html", takes_context=True)
def banners(context) -> dict:
    return {"banners": banners_for(context.get("request"))}
