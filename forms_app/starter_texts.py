"""The words of a new retailer's first page, in each language that the tablet speaks."""

from dataclasses import replace

from .starter import Starter

TITLE, INTRO, BUTTON, THANKS = "title", "intro", "submit_label", "thank_you_title"
TEXTS = {
    "en": {
        TITLE: "Join the club",
        INTRO: "News and treats now and then. No spam, ever.",
        BUTTON: "Sign up",
        THANKS: "Thank you!",
        "first_name": "First name",
        "last_name": "Last name",
        "email": "E-mail",
        "birthday": "Birthday",
        "consent": "Yes, send me news and offers by e-mail. I can unsubscribe at any time.",
    },
    "nl": {
        TITLE: "Word lid",
        INTRO: "Af en toe nieuws en iets lekkers. Nooit spam.",
        BUTTON: "Aanmelden",
        THANKS: "Dank je wel!",
        "first_name": "Voornaam",
        "last_name": "Achternaam",
        "email": "E-mail",
        "birthday": "Verjaardag",
        "consent": "Ja, stuur mij nieuws en aanbiedingen per e-mail. Afmelden kan altijd.",
    },
    "de": {
        TITLE: "Mach mit",
        INTRO: "Ab und zu Neues und kleine Geschenke. Nie Spam.",
        BUTTON: "Anmelden",
        THANKS: "Vielen Dank!",
        "first_name": "Vorname",
        "last_name": "Nachname",
        "email": "E-Mail",
        "birthday": "Geburtstag",
        "consent": "Ja, schickt mir Neues und Angebote per E-Mail. Ich kann mich jederzeit "
        "abmelden.",
    },
    "fr": {
        TITLE: "Rejoignez le club",
        INTRO: "Des nouvelles et des surprises de temps en temps. Jamais de spam.",
        BUTTON: "S’inscrire",
        THANKS: "Merci !",
        "first_name": "Prénom",
        "last_name": "Nom",
        "email": "E-mail",
        "birthday": "Anniversaire",
        "consent": "Oui, envoyez-moi des nouvelles et des offres par e-mail. Je peux me "
        "désinscrire à tout moment.",
    },
    "es": {
        TITLE: "Únete al club",
        INTRO: "Novedades y sorpresas de vez en cuando. Nunca spam.",
        BUTTON: "Apuntarme",
        THANKS: "¡Gracias!",
        "first_name": "Nombre",
        "last_name": "Apellidos",
        "email": "Correo electrónico",
        "birthday": "Cumpleaños",
        "consent": "Sí, enviadme novedades y ofertas por correo electrónico. Puedo darme de baja "
        "cuando quiera.",
    },
}


def starter(language: str = "en", country: str = "") -> Starter:
    """The first page in this language; `country` (ISO 3166) is where phone numbers are from."""
    texts = TEXTS[language]
    plain = Starter()
    return replace(
        plain,
        title=texts[TITLE],
        headline=texts[TITLE],
        intro=texts[INTRO],
        language=language,
        submit_label=texts[BUTTON],
        thank_you_title=texts[THANKS],
        brand={"country": country} if country else {},
        fields=tuple((kind, {**value, "label": texts[kind]}) for kind, value in plain.fields),
    )
