"""Every template can be a new retailer's first page, in every language of the tablet."""

import pytest
from django.conf import settings
from django_tenants.utils import tenant_context

from forms_app.models import SignupPage
from tenants import starters
from tenants.provisioning import Wishes, onboard

LANGUAGES = [code for code, _ in settings.LANGUAGES]
KEYS = [key for key, _ in starters.CHOICES]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", KEYS)
def test_words_of_one_language_stand_on_it(language, template):
    made = starters.starter(language, "NL", template)
    assert made.language == language
    assert made.title and made.headline and made.submit_label and made.thank_you_title
    if language == "en" or template == starters.PLAIN:
        return
    english = starters.starter("en", "NL", template)
    assert made.headline != english.headline or template == "blank"
    assert [kind for kind, _ in made.fields] == [kind for kind, _ in english.fields]
    for kind, value in made.fields:
        assert kind == "page_break" or value["label"]


@pytest.mark.parametrize("template", KEYS)
def test_a_retailer_is_made_with_it_and_its_page_is_online(retailers, template):
    wishes = Wishes(starters.starter("fr", "FR", template), country="FR", language="fr")
    made = onboard("Cedar", "cedar", "owner@cedar.test", wishes=wishes).retailer
    with tenant_context(made):
        page = SignupPage.objects.get()
        assert page.live and page.language == "fr"
        assert len(page.fields) == len(wishes.starter.fields)
    from .people import browser

    assert browser(made.host).get(f"/{page.slug}/").status_code == 200
    with tenant_context(retailers[0]):
        assert SignupPage.objects.get().language == "en"
